"""How a Spark Connect server must be started so that the gateway may ask it: `LOCK`, and what each session checks.

Spark has no role that may only read. What keeps a query from writing or reaching out is therefore threefold: only text
made of constructs of `policies.dialects` is sent, the server knows no files, catalogue or code but the tables shown to
it, and its operating-system user should be able to write nothing but its scratch folder.
"""

from collections.abc import Mapping
from pathlib import Path

LOCK: Mapping[str, str] = {
    "spark.sql.catalogImplementation": "in-memory",  # no Hive: no metastore, no Hive functions, no TRANSFORM
    "spark.sql.runSQLOnFiles": "false",  # no FROM parquet.`/path`
    "spark.sql.variable.substitute": "false",  # no ${…} in query texts
    "spark.sql.artifact.isolation.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.authenticate": "true",  # between its own parts
    "spark.log.level": "ERROR",  # logs would quote queries
    "spark.redaction.regex": "(?i)secret|password|token",
    "spark.driver.maxResultSize": "1g",
    "spark.task.reaper.enabled": "true",  # a task that does not look whether it was stopped loses its executor
    "spark.task.reaper.killTimeout": "5s",
    "spark.connect.grpc.arrow.maxBatchSize": "4m",
    "spark.connect.session.manager.defaultSessionTimeout": "60m",
}
"""Settings the server is started with, name -> value."""
CHECKED = ("spark.sql.catalogImplementation", "spark.sql.runSQLOnFiles", "spark.sql.variable.substitute")
"""Those of them that a session can see; it does not begin where one differs."""
SESSION: Mapping[str, str] = {
    # NULL where a value does not exist, as in the other engines; an error would tell something about a row.
    "spark.sql.ansi.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.caseSensitive": "false",
    "spark.sql.parser.escapedStringLiterals": "false",  # a backslash in a text is written twice
}
"""Settings of every session, which the meaning of our SQL rests on."""
_OPENS = (  # of Spark's own launcher (JavaModuleOptions)
    "java.base/java.lang", "java.base/java.lang.invoke", "java.base/java.lang.reflect", "java.base/java.io",
    "java.base/java.net", "java.base/java.nio", "java.base/java.util", "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic", "java.base/jdk.internal.ref", "java.base/sun.nio.ch",
    "java.base/sun.nio.cs", "java.base/sun.security.action", "java.base/sun.util.calendar",
    "java.security.jgss/sun.security.krb5",
)  # fmt: skip
TOKEN = "SPARK_CONNECT_AUTHENTICATE_TOKEN"  # noqa: S105  the name of a variable
"""The environment variable in which a server finds the token it asks of its clients; no process list shows it."""


def arguments(jars: Path, port: int, scratch: Path, threads: int, memory_mib: int, secret: str) -> list[str]:
    """What `java` is called with for a server on this machine, on loopback, that writes nothing outside `scratch`.

    It has one executor, in a process of its own: only such a one can be ended when a task in it does not listen. Each
    of the two gets `memory_mib`. `secret` is between the two; so hand the arguments over in a file (`java @file`).
    """
    options = [
        "-XX:MaxMetaspaceSize=320m", "-XX:MaxDirectMemorySize=256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError", f"-Djava.io.tmpdir={scratch}", f"-Duser.home={scratch}",
    ]  # fmt: skip
    settings = {
        **LOCK,
        **SESSION,
        "spark.app.name": "yurt",
        "spark.authenticate.secret": secret,
        "spark.master": f"local-cluster[1,{threads},{memory_mib}]",
        "spark.executor.memory": f"{memory_mib}m",
        "spark.executor.memoryOverhead": "0m",
        "spark.executor.extraJavaOptions": " ".join(options),
        "spark.sql.shuffle.partitions": str(threads),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "nowhere"),
    }
    return [
        f"-Xmx{memory_mib}m", *options, "-XX:+IgnoreUnrecognizedVMOptions", "--add-modules=jdk.incubator.vector",
        *(f"--add-opens={each}=ALL-UNNAMED" for each in _OPENS),
        "-Djdk.reflect.useDirectMethodHandle=false", "-Dio.netty.tryReflectionSetAccessible=true",
        *(f"-D{name}={value}" for name, value in settings.items()),
        "-cp", f"{jars}/*", "org.apache.spark.sql.connect.service.SparkConnectServer",
    ]  # fmt: skip
