//! When it happened, as letters write it: zones in the names of fields, clocks apart from their day, pairs of columns.

use notice::Context;

const ONE: &str = "192.0.2.10";

fn mail(subject: &str, body: &str) -> String {
    format!(
        "From: noc@example.net\r\nTo: abuse@example.com\r\nSubject: {subject}\r\nDate: Tue, 10 Nov 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
    )
}

fn window_of(subject: &str, body: &str) -> String {
    let parsed = notice::parse(mail(subject, body).as_bytes(), &Context::default());
    let windows = parsed.claims.iter().filter_map(|claim| claim.window.as_ref());
    let windows: Vec<String> = windows.map(|it| format!("{} {}", it.from, it.to)).collect();
    windows.join("; ")
}

#[test]
fn times_stand_in_names_apart_from_their_day_and_in_pairs_of_columns() {
    let named = format!(
        "Offending IP:         {ONE}\r\nCategory:             SIP login attempts\r\nFirst seen (UTC):     2026-11-09 05:44:10\r\nLast seen (UTC):      2026-11-09 11:58:31\r\n"
    );
    assert_eq!(window_of("Toll fraud", &named), "2026-11-09T05:44:10Z 2026-11-09T11:58:31.999999999Z");
    let apart = format!(
        "Our server was the target of password spraying last night, 9 November 2026.\r\nYours is {ONE}, which made\r\n733 attempts between 22:10 and 23:55 UTC.\r\n"
    );
    assert_eq!(window_of("Password spraying", &apart), "2026-11-09T22:10:00Z 2026-11-09T23:55:59.999999999Z");
    let columns = format!(
        "Elles proviennent de votre réseau, tentatives de connexion en force :\r\n\r\n  Adresse IP      | Première tentative (UTC) | Dernière tentative (UTC) | Nombre\r\n  ----------------+--------------------------+--------------------------+-------\r\n  {ONE}      | 18/08/2026 21:04:12      | 18/08/2026 23:51:40      |  5 217\r\n"
    );
    assert_eq!(window_of("Signalement", &columns), "2026-08-18T21:04:12Z 2026-08-18T23:51:40.999999999Z");
    let snort = format!(
        "sensor clock is UTC, year 2026.\r\n\r\n11/09-04:11:52.118204 [**] [1:2010937:3] ET SCAN [**] {{TCP}} {ONE}:44102 -> 198.51.100.9:3306\r\n11/09-04:22:31.870036 [**] [1:2002911:6] ET SCAN [**] {{TCP}} {ONE}:46001 -> 198.51.100.3:5902\r\n"
    );
    assert_eq!(window_of("snort alerts", &snort), "2026-11-09T04:11:52Z 2026-11-09T04:22:31.999999999Z");
}
