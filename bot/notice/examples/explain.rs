fn main() {
    for path in std::env::args().skip(1) {
        let r = notice::read(&std::fs::read(&path).unwrap(), &notice::Context::default());
        println!("=== {path} {} {:?}", r.layout, r.parsed.disposition);
        for c in &r.parsed.claims {
            println!(
                "  {:?} {:?} hosts {:?} on {:?} {:?}",
                c.activity,
                c.accused.addresses,
                c.accused.hostnames,
                c.remote.iter().map(|x| (x.address, x.port)).collect::<Vec<_>>(),
                c.window.as_ref().map(|w| (w.from.to_string(), w.to.to_string(), w.zone))
            );
        }
        for f in &r.facts {
            println!("    {} {} {:?} {} [{} {:?}]", f.what, f.value, f.role, f.why, f.part, f.line);
        }
        for w in &r.parsed.warnings {
            println!("    ! {w}");
        }
    }
}
