//! What is fuzzed: answers of container runtimes that may be anything. None may panic, and what is read of one is about the
//! container that was asked for, and no longer than is taken.
//!
//! `host-recorder/fuzz` has a libFuzzer target for each; the tests here run each on a bounded set of inputs that is the
//! same every time: whole ones, cut ones, and ones with bits flipped.

use history::Container;

use super::TEXT_MAX;
use super::containerd;
use super::cri;
use super::docker;
use super::grpc;

const ID: &str = "4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e";

fn asked() -> Container {
    Container { id: ID.to_owned(), ..Container::default() }
}

fn check_named(named: Option<Container>) {
    let Some(named) = named else { return };
    assert_eq!(named.id, ID);
    assert!(named.name.as_ref().is_some_and(|name| !name.is_empty()), "{named:?}");
    for text in [&named.name, &named.image, &named.pod].into_iter().flatten() {
        assert!(text.len() <= TEXT_MAX, "{named:?}");
    }
}

/// What comes over a connection of HTTP/2: in whatever pieces, it is the same answer.
pub fn frames(bytes: &[u8]) {
    let whole = grpc::read(bytes, bytes.len()).map_err(|error| error.to_string());
    for piece in [1, 7, 64] {
        assert_eq!(grpc::read(bytes, piece).map_err(|error| error.to_string()), whole);
    }
    if let Ok((message, replies)) = whole {
        assert!(message.len() + replies.len() <= bytes.len());
        containerd(&message);
        cri(&message);
    }
}

/// A message of containerd's.
pub fn containerd(bytes: &[u8]) {
    check_named(containerd::read(bytes, ID, &asked()));
}

/// A message of the interface that Kubernetes has to runtimes.
pub fn cri(bytes: &[u8]) {
    check_named(cri::read(bytes, &asked()));
}

/// What Docker answers in HTTP/1.
pub fn docker(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        check_named(docker::answered(text, &asked()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::container_status;
    use super::super::tests::said;
    use super::*;

    /// The input whole, cut everywhere, with each bit flipped, and noise of every length up to some.
    fn check(read: fn(&[u8]), whole: &[u8]) {
        read(whole);
        for end in 0..whole.len() {
            read(&whole[..end]);
        }
        let mut bad = whole.to_vec();
        for bit in 0..whole.len() * 8 {
            bad[bit / 8] ^= 1 << (bit % 8);
            read(&bad);
            bad[bit / 8] ^= 1 << (bit % 8);
        }
        let mut random = 1u64;
        for length in 0..1_000 {
            let noise = std::iter::repeat_with(|| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (random >> 56) as u8
            });
            read(&noise.take(length).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_the_fuzzers_begin_with_is_understood() {
        let seeds = |target: &str| {
            let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
            let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
            paths.map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>()
        };
        let named = |target: &str, read: &dyn Fn(&[u8]) -> Option<Container>| {
            let seeds = seeds(target);
            assert!(!seeds.is_empty() && seeds.iter().all(|seed| read(seed).is_some()), "{target}");
        };
        named("containerd", &|bytes| containerd::read(bytes, ID, &asked()));
        named("cri", &|bytes| cri::read(bytes, &asked()));
        named("docker", &|bytes| docker::answered(std::str::from_utf8(bytes).unwrap(), &asked()));
        let messages = seeds("frames").iter().filter(|seed| grpc::read(seed, 9).is_ok()).count();
        assert_eq!(messages, 2, "and one call that fails");
    }

    #[test]
    fn no_answer_breaks_its_reader() {
        let labels = [("io.kubernetes.container.name", "app"), ("nerdctl/name", "cache")];
        let containerds = said(ID, &labels, "example.com/app:4");
        let statuses = container_status(ID, "app", "example.com/app:4", &labels);
        for (answer, read) in [(&containerds, containerd as fn(&[u8])), (&statuses, cri as fn(&[u8]))] {
            check(frames, answer);
            check(read, &grpc::read(answer, answer.len()).unwrap().0);
        }
        let body =
            format!(r#"{{"Id":"{ID}","Name":"/web","Config":{{"Image":"web:1","Labels":{{"a":"b"}}}}}}"#);
        check(docker, format!("HTTP/1.0 200 OK\r\n\r\n{body}").as_bytes());
    }
}
