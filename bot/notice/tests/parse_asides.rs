//! Letters that name addresses and accuse nobody of ours: weaknesses, leaks, announced tests, requests for data, copies of
//! our own answers, ends of a case, plain business. Whether ours are known or not, nobody is accused; and what looks like one of them and accuses is read.

use std::net::IpAddr;

use notice::Context;
use notice::claim::Aside;
use notice::claim::Disposition;

/// An address of ours in every letter.
const OURS: &str = "192.0.2.10";

fn mail(subject: &str, text: &str) -> String {
    letter("Somebody <somebody@example.org>", "abuse@example.com", subject, text)
}

fn letter(from: &str, to: &str, subject: &str, text: &str) -> String {
    format!(
        "From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\nDate: Tue, 10 Nov 2026 09:00:00 +0000\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    )
}

fn contexts() -> [Context; 3] {
    let own = || vec![OURS.parse::<IpAddr>().expect("an address").into()];
    [
        Context::default(),
        Context { own_addresses: own(), ..Context::default() },
        Context { own_addresses: own(), own_is_complete: true, ..Context::default() },
    ]
}

/// Nobody is accused, for this reason, whoever is known to be ours.
fn check_aside(mail: &str, expect: Aside) {
    for context in contexts() {
        let parsed = notice::parse(mail.as_bytes(), &context);
        assert_eq!(parsed.disposition, Disposition::NotAbuse, "{mail}\n{parsed:#?}");
        assert_eq!(parsed.aside, Some(expect), "{mail}\n{parsed:#?}");
        assert!(parsed.claims.is_empty(), "{mail}");
    }
}

/// Ours is accused, and nobody else.
fn check_accused(mail: &str) {
    for context in contexts() {
        let parsed = notice::parse(mail.as_bytes(), &context);
        let accused: Vec<String> = parsed
            .claims
            .iter()
            .flat_map(|claim| claim.accused.addresses.iter().map(ToString::to_string))
            .collect();
        assert!(!accused.is_empty() && accused.iter().all(|it| it == OURS), "{mail}\n{parsed:#?}");
    }
}

#[test]
fn a_weakness_is_no_deed() {
    for (subject, text) in [
        (
            "Vulnerable mail server",
            "Our scan found that the mail server at 192.0.2.10 runs a version that is vulnerable to CVE-2026-11111. Please update it. The check was made from 198.51.100.4.",
        ),
        (
            "Veraltete Software",
            "Auf Ihrem Server 192.0.2.10 läuft eine veraltete Version, die verwundbar ist. Bitte aktualisieren Sie sie. Unsere Messung kam von 198.51.100.4.",
        ),
        (
            "Certificat expiré",
            "Le serveur 192.0.2.10 utilise un logiciel obsolète. Nous vous recommandons une mise à jour. Notre mesure venait de 198.51.100.4.",
        ),
        (
            "Sistema desactualizado",
            "El servidor 192.0.2.10 está desactualizado y expuesto. Conviene actualizarlo cuanto antes.",
        ),
    ] {
        check_aside(&mail(subject, text), Aside::Other);
    }
}

#[test]
fn stolen_log_ins_accuse_nobody() {
    for (subject, text) in [
        (
            "Credentials of your users in a stealer log",
            "A stealer log that was posted on 8 November 2026 contains log-ins of your domain. The infected machine of the user had the address 198.51.100.4; the log-in page is at 192.0.2.10. Please reset the passwords.",
        ),
        (
            "Passwords of your customers for sale",
            "Passwords of your customers were published in a forum. They open https://login.example.com (192.0.2.10). We took the list from 198.51.100.4.",
        ),
        (
            "Zugangsdaten Ihrer Mitarbeiter veröffentlicht",
            "Zugangsdaten Ihrer Mitarbeiter wurden veröffentlicht. Der infizierte Rechner des Mitarbeiters hatte die Adresse 198.51.100.4, das Portal steht unter 192.0.2.10.",
        ),
    ] {
        check_aside(&mail(subject, text), Aside::Other);
    }
}

#[test]
fn an_announced_test_accuses_nobody() {
    for (subject, text) in [
        (
            "Authorised penetration test, 23 to 27 November",
            "On behalf of the owner we will carry out an authorised penetration test of portal.example.com (192.0.2.10). All attack traffic comes from 198.51.100.4: scans, brute force, exploits. Please do not block it.",
        ),
        (
            "Upcoming security test",
            "Our scheduled penetration test of 192.0.2.10 takes place next week. The tester uses 198.51.100.4.",
        ),
        (
            "Ankündigung eines Penetrationstests",
            "Im Auftrag des Eigentümers führen wir vom 23. bis 27. November einen Penetrationstest des Servers 192.0.2.10 durch. Die Angriffe kommen von 198.51.100.4.",
        ),
        (
            "Test d'intrusion",
            "Du 23 au 27 novembre, nous réaliserons un test d'intrusion sur le serveur 192.0.2.10 depuis l'adresse 198.51.100.4.",
        ),
        (
            "Prueba de penetración",
            "Entre el 23 y el 27 de noviembre realizaremos una prueba de penetración del servidor 192.0.2.10 desde 198.51.100.4.",
        ),
        (
            "Penetration test",
            "Dal 23 al 27 novembre effettueremo un penetration test del server 192.0.2.10 dall'indirizzo 198.51.100.4.",
        ),
    ] {
        check_aside(&mail(subject, text), Aside::Business);
    }
}

#[test]
fn a_request_for_data_accuses_nobody() {
    for (subject, text) in [
        (
            "Subject access request",
            "Under article 15 GDPR please tell me which data you hold about me. I used your site from 198.51.100.4 on 2 November 2026.",
        ),
        (
            "Auskunftsersuchen",
            "In einem Ermittlungsverfahren wird um Mitteilung gebeten, welchem Kunden die IP-Adresse 192.0.2.10 am 02.11.2026 um 19:42 Uhr zugeordnet war. Der Anschluss des Geschädigten war 198.51.100.4.",
        ),
        (
            "Request for subscriber information",
            "Pursuant to the enclosed order, please provide the subscriber information for the IP address 192.0.2.10 on 2 November 2026 at 19:42 UTC.",
        ),
        (
            "Réquisition judiciaire",
            "Nous vous prions de nous communiquer l'identité du titulaire de l'adresse IP 192.0.2.10 le 2 novembre 2026 à 19h42.",
        ),
    ] {
        check_aside(&mail(subject, text), Aside::Business);
    }
}

#[test]
fn copies_of_our_own_answers_accuse_nobody() {
    let us = "Example Security <security@example.com>";
    for (to, subject, text) in [
        (
            "cert@example.org",
            "Re: [CERT 4411] Scans from 192.0.2.10",
            "Thank you for your report. The instance behind 192.0.2.10 was compromised; it scanned 198.51.100.0/24 from 01:10 to 02:02 UTC. It has been isolated, the key was revoked. The intruder logged in from 198.51.100.4.",
        ),
        (
            "noc@example.net",
            "RE: Abuse 77",
            "We have shut down the container on 192.0.2.10. It was running a scanner. Sorry for the noise on 198.51.100.4.\n\n> 192.0.2.10 scans our server 198.51.100.4 since 20:00 UTC.",
        ),
        (
            "abuse@example.net",
            "AW: Angriffe von 192.0.2.10",
            "vielen Dank für Ihre Meldung. Wir haben den Server 192.0.2.10 abgeschaltet und neu aufgesetzt. Der Einbruch kam von 198.51.100.4.",
        ),
    ] {
        let extra = format!("{to}\r\nCc: abuse@example.com");
        check_aside(&letter(us, &extra, subject, text), Aside::Answer);
    }
}

#[test]
fn what_ends_a_case_or_takes_it_back_accuses_nobody() {
    for (subject, text) in [
        (
            "Re: Scan from 192.0.2.10",
            "All quiet since yesterday, 192.0.2.10 has not been back. Thanks, we can close this one.",
        ),
        (
            "AW: Angriff von 192.0.2.10",
            "Vielen Dank, seit gestern kommt von 192.0.2.10 nichts mehr. Damit ist die Sache für uns erledigt.",
        ),
        (
            "Re: Signalement 192.0.2.10",
            "Merci pour votre intervention. Nous ne constatons plus d'attaque venant de 192.0.2.10. Nous clôturons le dossier.",
        ),
        (
            "Re: Ataque desde 192.0.2.10",
            "Gracias. Ya no vemos tráfico de 192.0.2.10 hacia 198.51.100.4; damos el caso por cerrado.",
        ),
        (
            "Re: aanval vanaf 192.0.2.10",
            "Dank u. Wij zien geen verkeer meer van 192.0.2.10. De melding is gesloten.",
        ),
        (
            "Correction",
            "We wrongly reported 192.0.2.10 yesterday. The scan of 198.51.100.4 came from another network; please ignore our message.",
        ),
        (
            "Fehlalarm",
            "Unsere gestrige Meldung zu 192.0.2.10 war ein Irrtum: der Verkehr gehörte zu unserem eigenen Test. Bitte entschuldigen Sie.",
        ),
        (
            "Erratum",
            "Notre signalement concernant 192.0.2.10 était une erreur, l'attaque contre 198.51.100.4 ne venait pas de chez vous.",
        ),
        (
            "Delisting of 192.0.2.10",
            "The address 192.0.2.10 was removed from our block list after your request. It had been listed for spam to 198.51.100.4.",
        ),
    ] {
        check_aside(&mail(subject, text), Aside::Resolved);
    }
}

/// What names hosts and complains of nothing may go to a person, but accuses nobody.
#[test]
fn what_hints_at_no_complaint_accuses_nobody() {
    for (subject, text) in [
        (
            "Renewal of DDoS protection",
            "Your contract for the protection of 192.0.2.10 and 192.0.2.11 ends on 31 December. Last year we stopped 14 attacks, among others from 198.51.100.4. Sign the offer to renew.",
        ),
        (
            "Change of name servers",
            "On 1 December our name servers change from 198.51.100.4 to 198.51.100.5. Please change the settings of your hosts 192.0.2.10 and 192.0.2.11 to keep resolving names.",
        ),
        (
            "Firewall change request 5512",
            "Please open port 443 from 198.51.100.4 to 192.0.2.10 for our monitoring; the firewall drops it at the moment.",
        ),
        (
            "Cannot reach you",
            "Our office (198.51.100.4) can no longer open your site at 192.0.2.10 since Monday. Did you block us? Could you put us on the allow list?",
        ),
        (
            "Threat briefing November",
            "This month the group used 198.51.100.4 and 203.0.113.9 to control its bots. Subscribers find all indicators in the portal.",
        ),
        (
            "Meeting notes",
            "We agreed that the sensor moves from 198.51.100.4 to 203.0.113.9, and that the report about the attack in October is discussed next week.",
        ),
        (
            "Your ticket 7001",
            "We got your complaint about 198.51.100.4 scanning 192.0.2.10. It has been passed to the customer; expect an answer in five days.",
        ),
        (
            "Ihre Beschwerde",
            "Ihre Beschwerde über 198.51.100.4 ist bei uns eingegangen. Wir haben den Kunden angeschrieben, dessen Rechner Ihren Server 192.0.2.10 angegriffen hat.",
        ),
        (
            "Certificate expires soon",
            "The certificate of https://192.0.2.10/ expires on 3 December 2026. Our checker (198.51.100.4) will try again in a week.",
        ),
    ] {
        let mail = mail(subject, text);
        for context in contexts() {
            let parsed = notice::parse(mail.as_bytes(), &context);
            assert!(
                parsed.claims.iter().all(|claim| claim.accused.addresses.is_empty()),
                "{mail}\n{parsed:#?}"
            );
        }
    }
}

#[test]
fn what_looks_like_one_of_them_and_accuses_is_read() {
    for (subject, text) in [
        (
            "Scan for vulnerable servers",
            "Your host 192.0.2.10 scans our network for servers that are vulnerable to CVE-2026-11111. Please stop it. It hit 198.51.100.4 on 2026-11-09 at 10:00 UTC.",
        ),
        (
            "Unannounced penetration test",
            "192.0.2.10 ran brute force attacks against our server 198.51.100.4 on 2026-11-09 at 10:00 UTC. Nobody announced a penetration test to us. Please investigate.",
        ),
        (
            "Attacks",
            "On 2026-11-09 at 10:00 UTC the server 192.0.2.10 attacked our host 198.51.100.4. We blocked it and changed the passwords that were leaked. Please investigate.",
        ),
        (
            "Re: Scan from 192.0.2.10",
            "We closed our port, but 192.0.2.10 has not stopped: it scanned our host 198.51.100.4 again on 2026-11-09 at 10:00 UTC. Please investigate.",
        ),
        (
            "AW: Angriff",
            "Der Angriff ist nicht erledigt. Am 09.11.2026 um 10:00 Uhr UTC hat Ihr Server 192.0.2.10 erneut unseren Server 198.51.100.4 angegriffen.",
        ),
        (
            "Certificate of the attacker",
            "192.0.2.10 attacks our server 198.51.100.4 with brute force over TLS since 2026-11-09 10:00 UTC; its certificate expires soon. Please stop it.",
        ),
        (
            "Fwd: maintenance",
            "During our maintenance on 2026-11-09 at 10:00 UTC we saw SSH brute force attacks from your server 192.0.2.10 on 198.51.100.4.",
        ),
    ] {
        check_accused(&mail(subject, text));
    }
}

/// Letters of kinds that no rule knows: none of them complains of anything, and so none accuses anybody.
#[test]
fn a_letter_that_complains_of_nothing_accuses_nobody() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/notices/nobody");
    let own = || ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"];
    let own = || own().map(|it| it.parse().expect("a prefix")).to_vec();
    let mut files = 0;
    for entry in std::fs::read_dir(root).expect("the letters") {
        let path = entry.expect("a letter").path();
        let bytes = std::fs::read(&path).expect("a letter");
        files += 1;
        let contexts = [(Vec::new(), false), (own(), false), (own(), true)];
        for (own_addresses, own_is_complete) in contexts {
            let parsed =
                notice::parse(&bytes, &Context { own_addresses, own_is_complete, ..Context::default() });
            let accused = |claim: &notice::claim::Claim| {
                !claim.accused.addresses.is_empty() || !claim.accused.hostnames.is_empty()
            };
            assert!(!parsed.claims.iter().any(accused), "{}: {parsed:#?}", path.display());
        }
    }
    assert!(files >= 10, "{files} letters");
}
