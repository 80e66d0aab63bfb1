//! How far a mail that says who sent it is believed.
//!
//! Only what our own receiving side recorded counts: the SES receipt, or the Authentication-Results
//! that SES puts on top. Headers of anybody else may be forged and are ignored.

use super::document::Document;
use super::domain;
use super::reading::Trust;

/// The name under which SES writes Authentication-Results.
const OUR_AUTHSERV: &str = "amazonses.com";

/// The domains from which AWS writes.
const AWS_DOMAINS: [&str; 4] = ["amazon.com", "amazonaws.com", "amazonaws.cn", "aws.com"];

/// Judges the sender of a notice. `as_aws` says that it is in one of AWS's layouts: whoever else
/// sends that, even truly, is not believed to be AWS.
pub(super) fn judge(document: &Document, is_event: bool, as_aws: bool) -> Trust {
    match sender(document, is_event) {
        // AWS's domains all have a DMARC policy; where SES tells its verdict, no header counts against it.
        Trust::Authenticated { domain }
            if as_aws && document.receipt.as_ref().is_some_and(|it| !it.dmarc) =>
        {
            Trust::Unauthenticated { why: format!("{domain}: DMARC did not pass") }
        }
        Trust::Authenticated { domain } if as_aws && !is_aws(&domain) => {
            Trust::Unauthenticated { why: format!("it is in AWS's layout, but {domain} sent it") }
        }
        trust => trust,
    }
}

/// Says whether a domain is one from which AWS writes.
pub(super) fn is_aws(domain: &str) -> bool {
    AWS_DOMAINS.iter().any(|known| domain == *known || domain.ends_with(&format!(".{known}")))
}

/// Says whether our own receiving side found that a mail is not from whom it names as its sender.
pub(super) fn is_disproven(document: &Document) -> bool {
    let of_ses = document.receipt.as_ref().is_some_and(|it| it.is_forged);
    let first = document.outer_mail().and_then(|mail| mail.auth_results.first());
    let ours = first.filter(|results| results.trim_start().starts_with(OUR_AUTHSERV));
    document.passed_on_by.is_none() && (of_ses || ours.is_some_and(|results| results.contains("dmarc=fail")))
}

fn sender(document: &Document, is_event: bool) -> Trust {
    let Some(mail) = document.outer_mail() else {
        return if is_event { Trust::Event } else { Trust::Unknown };
    };
    if let Some(between) = &document.passed_on_by {
        let why = format!("{} passed it on; nothing shows that it was not changed", between.sender_domain());
        return Trust::Unauthenticated { why };
    }
    let domain = mail.sender_domain().to_owned();
    let ours = mail.auth_results.first().filter(|results| results.trim_start().starts_with(OUR_AUTHSERV));
    if document.receipt.is_none() && ours.is_none() {
        return Trust::Unauthenticated { why: "no receipt of our own says who sent it".to_owned() };
    }
    let signers = ours.map(|results| dkim_domains(results)).unwrap_or_default();
    if let Some(receipt) = &document.receipt {
        if receipt.dmarc {
            return Trust::Authenticated { domain };
        }
        if !receipt.dkim {
            return Trust::Unauthenticated { why: format!("{domain}: neither DMARC nor DKIM passed") };
        }
    }
    // A mail may carry several signatures: one of its own domain is enough.
    match signers.iter().find(|signer| is_aligned(signer, &domain)).or(signers.first()) {
        Some(signer) if is_aligned(signer, &domain) => Trust::Authenticated { domain: signer.clone() },
        Some(signer) => Trust::Unauthenticated { why: format!("it says {domain} but {signer} signed it") },
        None => Trust::Unauthenticated { why: format!("{domain}: no valid signature of its own domain") },
    }
}

/// Says whether a signing domain speaks for the sender's domain.
fn is_aligned(signer: &str, from: &str) -> bool {
    // Nobody speaks for all of "co.uk".
    domain::registered(signer).is_some()
        && (signer == from || from.ends_with(&format!(".{signer}")) || signer.ends_with(&format!(".{from}")))
}

/// Returns the domains of the passing DKIM signatures.
fn dkim_domains(results: &str) -> Vec<String> {
    let lower = results.to_ascii_lowercase();
    let passed = lower.split(';').map(str::trim).filter(|part| part.starts_with("dkim=pass"));
    let signer = |part: &str| {
        let mut named = part.split_whitespace();
        let domain = named
            .find_map(|word| word.strip_prefix("header.d=").or_else(|| word.strip_prefix("header.i=")))?;
        Some(domain.rsplit_once('@').map_or(domain, |(_, bare)| bare).to_owned())
    };
    passed.filter_map(signer).take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::super::document::Document;
    use super::super::document::MailHeaders;
    use super::super::document::Receipt;
    use super::super::reading::Trust;
    use super::judge;

    fn document(from: &str, results: &[&str], receipt: Option<Receipt>) -> Document {
        let auth_results = results.iter().map(|it| (*it).to_owned()).collect();
        let mail = MailHeaders { from: from.to_owned(), auth_results, ..MailHeaders::default() };
        Document { mails: vec![mail], receipt, ..Document::default() }
    }

    #[test]
    fn only_aws_is_aws() {
        let receipt = || Some(Receipt { spf: true, dkim: true, dmarc: true, is_forged: false });
        let found = judge(&document("desk@support.aws.com", &[], receipt()), false, true);
        assert_eq!(found, Trust::Authenticated { domain: "support.aws.com".to_owned() });
        let forged = judge(&document("desk@notamazon.com", &[], receipt()), false, true);
        assert!(matches!(forged, Trust::Unauthenticated { .. }));
    }

    #[test]
    fn believes_only_our_own_side() {
        let ours = "amazonses.com; spf=pass; dkim=pass header.i=@example.com; dmarc=pass";
        let good = judge(&document("abuse@example.com", &[ours], None), false, false);
        assert_eq!(good, Trust::Authenticated { domain: "example.com".to_owned() });
        let forged = "mx.example.net; dkim=pass header.d=example.com";
        for (results, from) in [(forged, "abuse@example.com"), (ours, "abuse@example.org")] {
            let found = judge(&document(from, &[results], None), false, false);
            assert!(matches!(found, Trust::Unauthenticated { .. }), "{results} {from}");
        }
        let two = "amazonses.com; dkim=pass header.d=mailer.example.net; dkim=pass header.d=example.com";
        let found = judge(&document("abuse@example.com", &[two], None), false, false);
        assert_eq!(found, Trust::Authenticated { domain: "example.com".to_owned() });
        let suffix = "amazonses.com; dkim=pass header.d=co.uk";
        let found = judge(&document("abuse@example.co.uk", &[suffix], None), false, false);
        assert!(matches!(found, Trust::Unauthenticated { .. }), "{found:?}");
        let failed = Receipt { spf: true, dkim: true, dmarc: false, is_forged: true };
        let aws = "amazonses.com; dkim=pass header.d=amazon.com";
        let found = judge(&document("ec2-abuse@amazon.com", &[aws], Some(failed)), false, true);
        assert!(matches!(found, Trust::Unauthenticated { .. }), "{found:?}");
        let receipt = Receipt { spf: true, dkim: true, dmarc: true, is_forged: false };
        let found = judge(&document("abuse@example.com", &[], Some(receipt)), false, false);
        assert_eq!(found, Trust::Authenticated { domain: "example.com".to_owned() });
    }
}
