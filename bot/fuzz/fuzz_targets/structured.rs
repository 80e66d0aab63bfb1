//! JSON values inside the envelopes that lead to each structured recogniser.
#![no_main]

use gumshoe::notice;
use gumshoe::notice::Context;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|parts: (u8, &str)| {
    let (shape, inner) = parts;
    let text = match shape % 6 {
        0 => format!(
            r#"{{"detail":{{"service":"ABUSE","eventTypeCode":"AWS_ABUSE_DOS_REPORT",{inner}}}}}"#
        ),
        1 => format!(
            r#"{{"detail":{{"type":"Recon:EC2/Portscan","resource":{{{inner}}},"service":{{{inner}}}}}}}"#
        ),
        2 => format!(
            r#"{{"xarf_version":"4.2.0","category":"connection","type":"port_scan",{inner}}}"#
        ),
        3 => format!(r#"{{"Report":{{"ReportClass":"Activity",{inner}}}}}"#),
        4 => format!(r#"{{"AlarmName":"x","NewStateValue":"ALARM",{inner}}}"#),
        _ => format!(r#"{{"srcaddr":"10.0.0.1","dstaddr":"192.0.2.1",{inner}}}"#),
    };
    notice::read(text.as_bytes(), &Context::default());
});
