"""Accounts of a Slurm of the tests: a MariaDB and slurmdbd, in the same folder.

Of Debian's packages slurmdbd, mariadb-server-core and mariadb-client-core. `sacct` tells from them
what has become of jobs.
"""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slurm_cluster import COMMANDS, PATIENCE, PLACES, daemon, free_ports, host_and_user

_DAEMONS = ("mariadbd", "mariadb-install-db", "mariadb", "slurmdbd")
_ASKING = ("sacct", "sacctmgr")
COMMANDS_WITH_ACCOUNTS = (*COMMANDS, *_ASKING)


def missing_accounting() -> str | None:
    """Why there can be no accounts here, and what to do; nothing where there can."""
    lacking = [name for name in (*_DAEMONS, *_ASKING) if not shutil.which(name, path=PLACES)]
    if not lacking:
        return None
    return (
        f"no accounts of Slurm's here: {', '.join(lacking)} not found "
        "(Debian: apt-get install slurmdbd mariadb-server-core mariadb-client-core)"
    )


@contextmanager
def accounts(folder: Path) -> Iterator[str]:
    """Start both; the lines of slurm.conf that name them."""
    host, user = host_and_user()
    database, accounting = free_ports(2)
    data, options = folder / "mariadb", ("--no-defaults", f"--socket={folder}/mariadb.socket")
    _call(
        *("mariadb-install-db", "--no-defaults", f"--datadir={data}", f"--user={user}"),
        *("--auth-root-authentication-method=normal", "--skip-test-db"),
    )
    settings = ("--bind-address=127.0.0.1", f"--port={database}", f"--user={user}")
    with daemon(folder, "mariadbd", *options, f"--datadir={data}", *settings):
        grant = "CREATE USER slurm@'127.0.0.1'; GRANT ALL ON accounts.* TO slurm@'127.0.0.1'"
        _call_when_it_is_up("mariadb", *options, "--user=root", f"--execute={grant}")
        configuration = folder / "slurmdbd.conf"
        configuration.touch(mode=0o600)  # it must be nobody else's to read
        configuration.write_text(
            f"""\
DbdHost={host}
DbdAddr=127.0.0.1
DbdPort={accounting}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser={user}
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database}
StorageUser=slurm
StorageLoc=accounts
PidFile={folder}/slurmdbd.pid
""",
            encoding="utf-8",
        )
        named = f"""\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={accounting}
AccountingStoragePass={folder}/munge.socket"""
        with daemon(folder, "slurmdbd", "-D"):
            _wait_for(accounting)
            yield named


def _wait_for(port: int) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def _call(*command: str) -> None:
    found = shutil.which(command[0], path=PLACES)
    done = subprocess.run([str(found), *command[1:]], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")


def _call_when_it_is_up(*command: str) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return _call(*command)
        except AssertionError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
