"""Databases that are spoken to over TLS: certificates that are checked, and what is said of those that do not hold."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from harness.database import Maria, Postgres
from harness.server import free_port


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, a server's for localhost, a client's for the user `worker`, and an authority that signed nothing of it."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)

    for name in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    for name, subject in (("server", "localhost"), ("client", "worker")):
        (folder / f"{name}.ext").write_text(f"subjectAltName=DNS:{subject}")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={subject}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem")
    return folder


def given_to(database, certificates):
    """The server's files where its user may read them."""
    for name in ("ca.pem", "server.pem", "server.key"):
        file = pathlib.Path(shutil.copy(certificates / name, database.folder))
        file.chmod(0o600)
        if os.getuid() == 0:
            shutil.chown(file, database.user, database.user)


@pytest.fixture(scope="module")
def postgres(certificates):
    if Postgres.bin() is None:
        pytest.skip("PostgreSQL is not installed: Scripts/setup test installs it")
    database = Postgres()
    given_to(database, certificates)
    database.ask("CREATE ROLE worker LOGIN SUPERUSER")
    for name, value in (("ssl", "on"), ("ssl_cert_file", "server.pem"), ("ssl_key_file", "server.key"), ("ssl_ca_file", "ca.pem")):
        database.ask(f"ALTER SYSTEM SET {name} = '{value if value == 'on' else database.folder + '/' + value}'")
    # psql, by which these tests ask, speaks TLS where it can.
    pathlib.Path(database.folder, "data/pg_hba.conf").write_text("hostssl all worker all cert\nhostssl all all all trust\n")
    database.kill()
    database.start()
    yield database
    database.close()


@pytest.fixture(scope="module")
def maria(certificates):
    if Maria.bin() is None:
        pytest.skip("MariaDB is not installed: Scripts/setup test installs it")
    database = Maria()
    given_to(database, certificates)
    database.ask("CREATE USER tls@'%' REQUIRE SSL; GRANT ALL ON jobs.* TO tls@'%'")
    database.settings = [f"--ssl-ca={database.folder}/ca.pem", f"--ssl-cert={database.folder}/server.pem", f"--ssl-key={database.folder}/server.key"]
    database.kill()
    database.start()
    yield database
    database.close()


def works(serve, url):
    server = serve(url)
    assert server.job(server.enqueue("q")).spec.queue == "q"
    return server


def refused(serve, url):
    """What a server says that does not come up with this URL."""
    with pytest.raises(RuntimeError) as caught:
        serve(url, "--store-wait", "1s")
    text = str(caught.value)
    assert "the server ended with" in text, text
    return text


def test_postgresql_verifies_the_certificate_and_its_name(postgres, certificates, serve):
    at = f"postgresql://postgres@localhost:{postgres.port}/postgres"
    works(serve, f"{at}?sslmode=verify-full&sslrootcert={certificates}/ca.pem")
    assert postgres.ask("SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name LIKE 'gkick%'") == "t"
    assert "certificate verify failed" in refused(serve, f"{at}?sslmode=verify-full&sslrootcert={certificates}/other.pem")
    other = f"postgresql://postgres@database.example:{postgres.port}/postgres?hostaddr=127.0.0.1"
    assert re.search(r'server certificate for "localhost".* does not match host name "database.example"', refused(
        serve, f"{other}&sslmode=verify-full&sslrootcert={certificates}/ca.pem"))
    # Verified, but for any name.
    works(serve, f"{other}&sslmode=verify-ca&sslrootcert={certificates}/ca.pem")
    assert "no pg_hba.conf entry" in refused(serve, f"{at}?sslmode=disable")


def test_postgresql_takes_a_client_s_certificate(postgres, certificates, serve):
    at = f"postgresql://worker@localhost:{postgres.port}/postgres?sslmode=verify-full&sslrootcert={certificates}/ca.pem"
    assert "certificate" in refused(serve, at)
    works(serve, f"{at}&sslcert={certificates}/client.pem&sslkey={certificates}/client.key")


def test_of_several_hosts_over_tls_the_one_that_is_there(postgres, certificates, serve):
    hosts = f"localhost:{free_port()},localhost:{postgres.port}"
    works(serve, f"postgresql://postgres@{hosts}/postgres?sslmode=verify-full&sslrootcert={certificates}/ca.pem&target_session_attrs=read-write")


def test_mariadb_verifies_the_certificate_and_its_name(maria, certificates, serve):
    works(serve, f"mysql://tls@localhost:{maria.port}/jobs?ssl-mode=verify&ssl-ca={certificates}/ca.pem")
    assert "certificate" in refused(serve, f"mysql://tls@localhost:{maria.port}/jobs?ssl-mode=verify&ssl-ca={certificates}/other.pem").lower()
    # The certificate is for localhost, by name.
    assert re.search("certificate|TLS|SSL", refused(serve, f"mysql://tls@127.0.0.1:{maria.port}/jobs?ssl-mode=verify&ssl-ca={certificates}/ca.pem"))
    works(serve, f"mysql://tls@localhost:{maria.port}/jobs?ssl-ca={certificates}/ca.pem")
    assert "certificate" in refused(serve, f"mysql://tls@localhost:{maria.port}/jobs?ssl-ca={certificates}/other.pem").lower()
    works(serve, f"mysql://tls@localhost:{maria.port}/jobs?ssl-mode=required")
    assert "Access denied" in refused(serve, f"mysql://tls@localhost:{maria.port}/jobs")
