"""The daemon's certificate: which one is shown to whom, and when it is said that it expires."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import Authority
from tests.support.shaking import Client, client_context, shake, shown_to, suites_taken
from twisted_chat.doors.certificates import Reminder, ServerCertificate
from twisted_chat.limits import EXPIRY_LOOK
from twisted_chat.pem import CannotUse

DAY = 24 * 60 * 60

MODERN = {
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
}
"""What a client may choose in TLS 1.2, where the certificate has a key on a curve."""


class CertificateTests(SynchronousTestCase):
    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.authority = Authority(self.folder)
        self.file = self.folder / "chat.pem"

    def renew(self, **dates: float) -> bytes:
        """Put another certificate into the file, as the programs do that renew it: whole. Return
        it (DER).
        """
        os.replace(self.authority.certify("127.0.0.1", **dates), self.file)
        return ssl.PEM_cert_to_DER_cert(self.file.read_text().partition("-----BEGIN PRIVATE")[0])

    def shown(self, certificate: ServerCertificate) -> bytes:
        """Return what a newcomer is shown."""
        client = Client()
        shake(certificate, client)
        return shown_to(client)


class RenewalTests(CertificateTests):
    def test_a_renewed_certificate_is_shown_to_the_next_and_those_who_are_there_stay(self) -> None:
        first = self.renew()
        certificate = ServerCertificate(str(self.file))
        ann = Client()
        server = shake(certificate, ann)
        self.assertEqual(shown_to(ann), first)
        with capturedLogs() as logs:
            second = self.renew()
            self.assertEqual(self.shown(certificate), second)
            self.assertEqual(self.shown(certificate), second)
        [entry] = logs
        self.assertEqual((entry["log_level"].name, entry["file"]), ("info", str(self.file)))
        self.assertNotEqual(first, second)
        server.bio_write(ann.say(b"still here"))
        self.assertEqual(server.recv(100), b"still here")

    def test_certificate_and_key_may_be_two_files_that_are_renewed_one_after_the_other(
        self,
    ) -> None:
        key = self.folder / "key.pem"

        def split() -> None:
            pem = self.file.read_bytes()
            start = pem.index(b"-----BEGIN PRIVATE")
            self.file.write_bytes(pem[:start])
            key.write_bytes(pem[start:])

        first = self.renew()
        split()
        certificate = ServerCertificate(str(self.file), str(key))
        old_key = key.read_bytes()
        second = self.renew()
        split()
        new_key = key.read_bytes()
        key.write_bytes(old_key)
        with capturedLogs() as logs:
            self.assertEqual(self.shown(certificate), first)
            self.assertEqual(self.shown(certificate), first)
            key.write_bytes(new_key)
            self.assertEqual(self.shown(certificate), second)
        self.assertEqual([entry["log_level"].name for entry in logs], ["error", "info"])
        self.assertIn("that is not the key of", logs[0]["why"])

    def test_a_broken_file_leaves_the_one_before_and_is_logged_once_for_each_change(self) -> None:
        first = self.renew()
        certificate = ServerCertificate(str(self.file))
        with capturedLogs() as logs:
            for _ in range(3):
                self.file.write_bytes(b"half a certifica")
                self.assertEqual(self.shown(certificate), first)
                self.assertEqual(self.shown(certificate), first)
                self.file.unlink()
                self.assertEqual(self.shown(certificate), first)
                self.assertEqual(self.shown(certificate), first)
            second = self.renew()
            self.assertEqual(self.shown(certificate), second)
        self.assertEqual([entry["log_level"].name for entry in logs], [*["error"] * 6, "info"])
        self.assertEqual(logs[0]["why"], f"{self.file}: no certificate (PEM)")
        self.assertEqual(logs[1]["why"], f"{self.file}: No such file or directory")

    def test_a_pipe_or_a_device_in_its_place_holds_nobody_up(self) -> None:
        first = self.renew()
        certificate = ServerCertificate(str(self.file))
        with capturedLogs() as logs:
            self.file.unlink()
            os.mkfifo(self.file)
            self.assertEqual(self.shown(certificate), first)
            self.file.unlink()
            self.file.symlink_to("/dev/null")
            self.assertEqual(self.shown(certificate), first)
        self.assertEqual([entry["why"] for entry in logs], [f"{self.file}: that is no file"] * 2)

    def test_a_link_that_points_to_another_file_is_a_renewal_as_with_certbot(self) -> None:
        link = self.folder / "live.pem"
        first = self.renew()
        os.rename(self.file, self.folder / "1.pem")
        link.symlink_to("1.pem")
        certificate = ServerCertificate(str(link))
        self.assertEqual(self.shown(certificate), first)
        second = self.renew()
        link.unlink()
        link.symlink_to(self.file)
        self.assertEqual(self.shown(certificate), second)

    def test_the_folder_in_which_the_daemon_was_started_is_where_it_looks(self) -> None:
        first = self.renew()
        before = os.getcwd()
        os.chdir(self.folder)
        try:
            certificate = ServerCertificate("chat.pem")
        finally:
            os.chdir(before)
        self.assertEqual(self.shown(certificate), first)

    def test_those_that_vouch_for_it_are_sent_along(self) -> None:
        self.renew()
        self.file.write_bytes(self.file.read_bytes() + self.authority.file.read_bytes())
        client = Client()
        shake(ServerCertificate(str(self.file)), client)
        context = client_context()
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.authority.file)
        shake(ServerCertificate(str(self.file)), Client(context))
        server = ServerCertificate(str(self.file)).serverConnectionForTLS(None)
        self.assertIsNotNone(server.get_certificate())

    def test_what_cannot_be_used_is_said_in_one_line(self) -> None:
        self.renew()
        another = self.authority.certify("127.0.0.1")
        small = self.authority.certify("127.0.0.1", key=rsa.generate_private_key(65537, 1024))
        for arguments, why in (
            (["/nowhere"], "/nowhere: No such file or directory"),
            ([self.file, "/nowhere"], "/nowhere: No such file or directory"),
            ([self.file, another], f"{another}: that is not the key of {self.file}"),
            ([self.authority.file], f"{self.authority.file}: no private key (PEM, without a"),
            ([self.file, None, "/nowhere"], "/nowhere: No such file or directory"),
            ([self.file, None, self.folder / "no.pem"], "no.pem: No such file or directory"),
            ([small], f"{small}: TLS takes no such certificate"),
        ):
            with self.subTest(why=why):
                error = self.assertRaises(
                    CannotUse,
                    ServerCertificate,
                    *(None if each is None else str(each) for each in arguments),
                )
                self.assertIn(why, str(error))
                self.assertNotIn("\n", str(error))


class ScanTests(CertificateTests):
    """What a scanner finds: each version and each suite that OpenSSL knows is tried."""

    def test_only_modern_suites_are_taken_and_no_version_before_tls_1_2(self) -> None:
        self.renew()
        certificate = ServerCertificate(str(self.file))
        self.assertEqual(suites_taken(certificate, "TLS 1.0"), set())
        self.assertEqual(suites_taken(certificate, "TLS 1.1"), set())
        self.assertEqual(suites_taken(certificate, "TLS 1.2"), MODERN)
        self.assertEqual(suites_taken(certificate, "TLS 1.3"), {"TLS_AES_256_GCM_SHA384"})

    def test_the_scanner_would_find_what_is_weak(self) -> None:
        """Or the test above could not fail."""
        self.renew()
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_cipher_list(b"ALL:@SECLEVEL=0")
        context.set_min_proto_version(SSL.TLS1_VERSION)
        context.use_certificate(x509.load_pem_x509_certificate(self.file.read_bytes()))
        context.use_privatekey_file(str(self.file))

        class Weak:
            def serverConnectionForTLS(self, protocol: object) -> SSL.Connection:
                return SSL.Connection(context)

        self.assertIn("ECDHE-ECDSA-AES128-SHA", suites_taken(Weak(), "TLS 1.0"))
        self.assertIn("ECDHE-ECDSA-AES128-SHA", suites_taken(Weak(), "TLS 1.1"))
        self.assertGreater(len(suites_taken(Weak(), "TLS 1.2")), len(MODERN))


class ClientCertificateTests(CertificateTests):
    def test_only_who_has_a_certificate_of_the_authority_gets_through(self) -> None:
        self.renew()
        clients = Authority(self.folder, "clients")
        certificate = ServerCertificate(str(self.file), clients=str(clients.file))
        purpose = x509.ExtendedKeyUsageOID.CLIENT_AUTH
        mine = clients.certify(purpose=purpose)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version=version):
                server = shake(certificate, Client(client_context(version, certificate=mine)))
                self.assertIsNotNone(server.get_peer_certificate())
                for bad in (
                    None,
                    self.authority.certify(purpose=purpose),
                    clients.certify(),  # It is one for servers.
                    clients.certify(purpose=purpose, begins=-3, ends=-2),
                ):
                    client = Client(client_context(version, certificate=bad))
                    self.assertRaises(SSL.Error, shake, certificate, client)

    def test_the_authority_of_the_clients_can_change_while_the_daemon_runs(self) -> None:
        self.renew()
        purpose = x509.ExtendedKeyUsageOID.CLIENT_AUTH
        old, new = Authority(self.folder, "old"), Authority(self.folder, "new")
        mine = new.certify(purpose=purpose)
        certificate = ServerCertificate(str(self.file), clients=str(old.file))
        client = Client(client_context(certificate=mine))
        self.assertRaises(SSL.Error, shake, certificate, client)
        os.replace(new.file, old.file)
        shake(certificate, Client(client_context(certificate=mine)))


class ExpiryTests(CertificateTests):
    def test_it_is_warned_of_from_two_weeks_before_its_end_on(self) -> None:
        self.renew(ends=20)
        certificate = ServerCertificate(str(self.file))
        end = certificate.ends
        self.assertEqual(certificate.warning(end - 14.1 * DAY), "")
        lead = f"the certificate {self.file}"
        self.assertRegex(
            certificate.warning(end - 13.9 * DAY), rf"^{lead} expires on \d{{4}}-\d\d-\d\d: renew"
        )
        self.assertRegex(certificate.warning(end + 1), rf"^{lead} has expired on \d{{4}}-")

    def test_the_log_says_so_once_a_day_until_it_is_renewed(self) -> None:
        self.renew(ends=20)
        certificate = ServerCertificate(str(self.file))
        clock = Clock()
        clock.advance(certificate.ends - 16 * DAY)
        reminder = Reminder(certificate, clock, clock.seconds)

        def days_with_a_warning(days: int) -> list[int]:
            found = []
            for day in range(days):
                with capturedLogs() as logs:
                    clock.advance(EXPIRY_LOOK)
                found += [day] * sum(entry["log_level"].name == "warn" for entry in logs)
            return found

        with capturedLogs() as logs:
            reminder.start()
        self.assertEqual(logs, [])
        self.assertEqual(days_with_a_warning(4), [1, 2, 3])
        self.renew(ends=100)
        self.assertEqual(days_with_a_warning(3), [])
        reminder.stop()
        reminder.stop()
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_one_that_has_expired_is_warned_of_at_the_start(self) -> None:
        self.renew(begins=-5, ends=-1)
        clock = Clock()
        reminder = Reminder(ServerCertificate(str(self.file)), clock)
        with capturedLogs() as logs:
            reminder.start()
        self.assertIn("has expired on", logs[0]["text"])
        reminder.stop()
