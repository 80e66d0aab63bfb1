//! What a report carries beside its words: read where it can be read, told where it cannot.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use notice::Context;
use notice::Reading;
use notice::claim::Disposition;
use std::io::Write;

const LOG: &str = "2026-11-20T10:02:11Z sshd[11]: Failed password for root from 192.0.2.30 port 4002 ssh2\n";

/// A mail whose words name nobody, with one part beside them.
fn mail(kind: &str, name: &str, bytes: &[u8]) -> Vec<u8> {
    let encoded = STANDARD.encode(bytes);
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).expect("base64")).collect();
    format!(
        "From: noc@example.org\r\nTo: abuse@example.com\r\nSubject: Abuse report: attack from your network\r\nDate: Fri, 20 Nov 2026 11:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nPlease find the details of the attack attached.\r\n--b\r\nContent-Type: {kind}; name={name}\r\nContent-Disposition: attachment; filename={name}\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        lines.join("\r\n")
    )
    .into_bytes()
}

fn read(mail: &[u8]) -> Reading {
    let reading = notice::read(mail, &Context::default());
    assert_eq!(reading.parsed.disposition, Disposition::Claims, "{:#?}", reading.parsed);
    reading
}

fn check_accused(mail: &[u8]) {
    let reading = read(mail);
    let accused: Vec<String> = reading
        .parsed
        .claims
        .iter()
        .flat_map(|claim| claim.accused.addresses.iter().map(ToString::to_string))
        .collect();
    assert_eq!(accused, ["192.0.2.30"], "{:#?}", reading.parsed);
}

/// Nobody is named, and the reason is said.
fn check_told(mail: &[u8], why: &str) {
    let reading = read(mail);
    assert!(reading.parsed.warnings.iter().any(|it| it.contains(why)), "{:?}", reading.parsed.warnings);
    assert!(reading.parsed.claims.iter().all(|claim| claim.accused.addresses.is_empty()));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).expect("packed");
    packed.finish().expect("packed")
}

fn tar(files: usize) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for number in 0..files {
        let mut header = tar::Header::new_gnu();
        header.set_size(LOG.len() as u64);
        archive.append_data(&mut header, format!("logs/{number}.log"), LOG.as_bytes()).expect("a member");
    }
    archive.into_inner().expect("an archive")
}

/// A file inside DER's or BER's tag, with a length of two bytes.
fn tagged(tag: u8, inner: &[u8]) -> Vec<u8> {
    let length = u16::try_from(inner.len()).expect("short").to_be_bytes();
    [&[tag, 0x82][..], &length, inner].concat()
}

/// A message of S/MIME; kind 2 is signed, kind 3 encrypted.
fn smime(kind: u8, content: &[u8]) -> Vec<u8> {
    let oid = |number: u8| tagged(0x06, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, number]);
    let content = tagged(0x30, &[oid(1), tagged(0xa0, &tagged(0x04, content))].concat());
    let signed = [tagged(0x02, &[1]), tagged(0x31, &[]), content, tagged(0x31, &[])].concat();
    tagged(0x30, &[oid(kind), tagged(0xa0, &tagged(0x30, &signed))].concat())
}

#[test]
fn logs_in_archives_are_read() {
    check_accused(&mail("application/gzip", "a.log.gz", &gzip(LOG.as_bytes())));
    check_accused(&mail("application/x-tar", "logs.tar", &tar(1)));
    check_accused(&mail("application/octet-stream", "logs.tgz", &gzip(&tar(2))));
}

#[test]
fn members_beyond_the_bound_are_told() {
    let reading = read(&mail("application/x-tar", "logs.tar", &tar(65)));
    assert!(reading.parsed.warnings.iter().any(|it| it.contains("too many parts")));
    let mut cut = tar(2);
    cut.truncate(1536);
    let reading = read(&mail("application/x-tar", "logs.tar", &cut));
    assert!(reading.parsed.warnings.iter().any(|it| it.contains("broken") || it.contains("to its end")));
}

#[test]
fn what_is_signed_in_one_piece_is_read_and_what_is_encrypted_is_told() {
    let inner = format!("Content-Type: text/plain\r\n\r\n{LOG}");
    let kind = "application/pkcs7-mime; smime-type=signed-data";
    check_accused(&mail(kind, "smime.p7m", &smime(2, inner.as_bytes())));
    check_told(&mail("application/pkcs7-mime", "smime.p7m", &smime(3, inner.as_bytes())), "was not read");
}

#[test]
fn a_picture_is_not_read_and_said_so() {
    check_told(&mail("image/png", "screen.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "pictures");
}

#[test]
fn files_in_the_text_itself_are_read() {
    let body = "begin 644 auth.log\r\nM,C R-BTQ,2TR,%0Q,#HP,CHQ,5H@<W-H9%LQ,5TZ($9A:6QE9\"!P87-S=V]R\r\nJ9\"!F;W(@<F]O=\"!F<F]M(#$Y,BXP+C(N,S @<&]R=\" T,# R('-S:#(*\r\n`\r\nend\r\n";
    let mail = format!(
        "From: noc@example.org\r\nTo: abuse@example.com\r\nSubject: Attack from your network\r\nDate: Fri, 20 Nov 2026 11:00:00 +0000\r\n\r\nThe log of the attack follows.\r\n\r\n{body}"
    );
    check_accused(mail.as_bytes());
}
