"""Joint computation (联合计算): agencies compute together; only the approved result is opened, to its receiver.

`mpc.run.run_job` runs a job, `mpc.setup.set_up` makes party folders, `mpc.job.load_job` reads a JOB.yaml.
"""
