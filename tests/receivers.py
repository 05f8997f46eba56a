"""What others' programs make of our mails: tests/receivers.py verify|parse FOLDER.

The folder holds NAME.eml, and beside it NAME.txt with the record of its key, or NAME.json with what it was made of."""

import email
import email.policy
import json
import pathlib
import sys


def verify(folder):
    """Signatures hold, as dkimpy sees it, and do not once anything is changed that a reader sees."""
    import dkim

    def holds(message, record):
        try:
            return dkim.verify(message, dnsfunc=lambda name, timeout=5: record)
        except dkim.DKIMException as error:
            print("refused:", error)
            return False

    for file in sorted(folder.glob("*.eml")):
        message, record = file.read_bytes(), file.with_suffix(".txt").read_bytes()
        assert holds(message, record), file
        head, body = message.split(b"\r\n\r\n", 1)
        own, rest = head.split(b"\r\nDate:", 1)
        assert own.startswith(b"DKIM-Signature:"), file
        rest = b"Date:" + rest

        def with_head(rest):
            return own + b"\r\n" + rest + b"\r\n\r\n" + body

        # What servers do on the way does no harm.
        assert holds(b"Received: from a by b;\r\n Sun, 29 Nov 2026 08:00:07 +0000\r\n" + message, record), file
        assert holds(with_head(rest.replace(b"\r\n ", b"\r\n\t ").replace(b"Subject:", b"subject:")), record), file
        assert holds(message + b"\r\n\r\n", record), file
        # What changes the mail breaks it.
        names = [line.split(b":")[0] for line in rest.split(b"\r\n") if not line.startswith(b" ")]
        assert len(names) >= 9, names
        for name in names:
            at = rest.index(name + b":") + len(name) + 1
            assert not holds(with_head(rest[:at] + b" x" + rest[at:]), record), (file, name)
        for name in [b"From", b"To", b"Subject", b"Date"]:
            added = name + b": Somebody <x@example.org>\r\n"
            assert not holds(added + message, record), (file, name)
            assert not holds(with_head(rest + b"\r\n" + added[:-2]), record), (file, name)
        middle = len(body) // 2
        assert not holds(message[: -len(body)] + body[:middle] + b"x" + body[middle:], record), file
        assert not holds(message[:-2] + b"x\r\n", record), file
        other = record.replace(b"p=", b"p=A")
        assert not holds(message, other), file


def parse(folder):
    """Mails are read as they were written."""

    def lines(text):
        # As SMTP has it, and with one line end at the end.
        return text.replace("\r\n", "\n").rstrip("\n").split("\n")

    for file in sorted(folder.glob("*.eml")):
        wanted = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        found = [part.defects for part in mail.walk()] + [value.defects for value in mail.values()]
        assert not any(found), (file, found)
        assert str(mail["subject"]) == wanted["subject"], (file, str(mail["subject"]), wanted["subject"])
        for name in ["from", "to", "reply-to"]:
            (address,) = mail[name].addresses
            assert [address.display_name, address.addr_spec] == wanted[name], (file, name, address)
        assert mail["references"].split() == wanted["references"], file
        parts = [part.get_content_type() for part in mail.walk() if not part.is_multipart()]
        assert parts == ["text/plain", "text/html", "text/csv"], (file, parts)
        for kind in ["plain", "html"]:
            text = mail.get_body((kind,)).get_content()
            assert lines(text) == lines(wanted[kind]), (file, kind)
        (table,) = mail.iter_attachments()
        assert table.get_filename() == wanted["table"], file
        assert table.get_content() == wanted["csv"], (file, "csv")


if __name__ == "__main__":
    {"verify": verify, "parse": parse}[sys.argv[1]](pathlib.Path(sys.argv[2]))
