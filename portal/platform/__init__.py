"""The platform on one machine: which processes it is made of, started, watched and stopped as one.

Everything runs inside one PID namespace, so that the kernel itself ends every process when the first one goes, however
it goes; and under one control group per home, which is removed afterwards.
"""
