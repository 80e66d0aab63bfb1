//! Runtimes, stood in for by sockets and files below a directory.

use super::*;
use std::fs;
use std::io::Read;
use std::io::Write;
use std::os::unix::net::UnixListener;

const ID: &str = "4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e";
const UID: &str = "8dbc5577-d0e2-4706-8787-57d52c03ddf2";

fn container(runtime: &str) -> Container {
    let pod = (runtime == "kubernetes").then(|| UID.to_owned());
    Container { runtime: runtime.to_owned(), id: ID.to_owned(), pod, ..Container::default() }
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path.replace("ID", ID));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text.replace('@', ID)).unwrap();
}

/// Answers one question after the other, and hands over what was asked.
fn serve(root: &Path, socket: &str, answers: Vec<Vec<u8>>) -> std::thread::JoinHandle<Vec<String>> {
    let socket = root.join(socket);
    fs::create_dir_all(socket.parent().unwrap()).unwrap();
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut question = [0; 1_024];
            let read = stream.read(&mut question).unwrap();
            asked.push(String::from_utf8_lossy(&question[..read]).into_owned());
            // The other side hangs up on too long an answer.
            let _ = stream.write_all(&answer);
        }
        asked
    })
}

fn told(root: &Path, runtime: &str) -> Option<(String, Option<String>, Option<String>)> {
    ask(root, &container(runtime)).map(|found| (found.name.unwrap(), found.image, found.pod))
}

fn some(name: &str, image: &str, pod: Option<&str>) -> Option<(String, Option<String>, Option<String>)> {
    Some((name.to_owned(), Some(image.to_owned()), pod.map(str::to_owned)))
}

#[test]
fn docker_and_podman_answer_on_their_sockets() {
    for (socket, runtime) in [("run/docker.sock", "docker"), ("run/podman/podman.sock", "podman")] {
        let root = tempfile::tempdir().unwrap();
        let body = format!(
            r#"{{"Id":"{ID}","Name":"/web","Config":{{"Image":"example.com/web:1","Labels":{{
                "io.kubernetes.pod.name":"web-0","io.kubernetes.pod.namespace":"shop"}}}}}}"#
        );
        let answer = format!("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{body}");
        let server = serve(root.path(), socket, vec![answer.into_bytes()]);
        assert_eq!(told(root.path(), runtime), some("web", "example.com/web:1", Some("shop/web-0")));
        let asked = server.join().unwrap();
        assert!(asked[0].starts_with(&format!("GET /containers/{ID}/json HTTP/1.0\r\n")), "{asked:?}");
    }
}

#[test]
fn odd_answers_name_nothing() {
    let other = format!("HTTP/1.0 200 OK\r\n\r\n{{\"Id\":\"{}\",\"Name\":\"/evil\"}}", "0".repeat(64));
    let answers: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"HTTP/1.0 404 Not Found\r\n\r\n{\"message\":\"No such container\"}".to_vec(),
        b"HTTP/1.0 200 OK\r\n\r\n{".to_vec(),
        b"HTTP/1.0 200 OK\r\n\r\n{\"Id\":\"\xff\"}".to_vec(),
        format!("HTTP/1.0 200 OK\r\n\r\n{{\"Id\":\"{ID}\",\"Name\":7}}").into_bytes(),
        other.into_bytes(),
        [b"HTTP/1.0 200 OK\r\n\r\n".to_vec(), vec![b' '; 2 << 20]].concat(),
    ];
    let root = tempfile::tempdir().unwrap();
    let count = answers.len();
    let server = serve(root.path(), "run/docker.sock", answers);
    for _ in 0..count {
        assert_eq!(told(root.path(), "docker"), None);
    }
    server.join().unwrap();
    assert_eq!(told(root.path(), "docker"), None, "nobody listens");
}

#[test]
fn long_texts_are_cut() {
    let root = tempfile::tempdir().unwrap();
    let name = "é".repeat(10_000);
    write(
        root.path(),
        "var/lib/docker/containers/ID/config.v2.json",
        &format!(r#"{{"ID":"@","Name":"/{name}"}}"#),
    );
    let (name, image, _) = told(root.path(), "docker").unwrap();
    assert!(name.len() <= TEXT_MAX && name.starts_with('é'));
    assert_eq!(image, None);
}

#[test]
fn files_tell_where_no_socket_answers() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(
        root,
        "var/lib/docker/containers/ID/config.v2.json",
        r#"{"ID":"@","Name":"/web","Config":{"Image":"web:1","Labels":null}}"#,
    );
    assert_eq!(told(root, "docker"), some("web", "web:1", None));
    write(
        root,
        "var/lib/containers/storage/overlay-containers/containers.json",
        r#"[{"id":"0"},{"id":"@","names":["db"],"metadata":"{\"image-name\":\"db:2\",\"name\":\"db\"}"}]"#,
    );
    assert_eq!(told(root, "podman"), some("db", "db:2", None));
    write(
        root,
        "run/containers/storage/overlay-containers/ID/userdata/config.json",
        r#"{"annotations":{"io.kubernetes.container.name":"api","io.kubernetes.pod.name":"api-0",
            "io.kubernetes.pod.namespace":"shop","io.kubernetes.cri-o.ImageName":"api:3"}}"#,
    );
    assert_eq!(told(root, "cri-o"), some("api", "api:3", Some("shop/api-0")));
    write(
        root,
        "run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json",
        r#"{"annotations":{"io.kubernetes.cri.container-name":"app","io.kubernetes.cri.image-name":"app:4",
            "io.kubernetes.cri.sandbox-name":"app-0","io.kubernetes.cri.sandbox-namespace":"shop"}}"#,
    );
    assert_eq!(told(root, "containerd"), some("app", "app:4", Some("shop/app-0")));
    assert_eq!(told(root, "kubernetes"), some("app", "app:4", Some("shop/app-0")));
    write(root, "run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json", "[]");
    assert_eq!(told(root, "containerd"), None);
    // nerdctl's, without an image: by its list of names, and by what it tells the runtime.
    write(root, "var/lib/nerdctl/1935db59/names/default/other", "0123");
    write(root, "var/lib/nerdctl/1935db59/names/default/cache", &format!("{ID}\n"));
    assert_eq!(told(root, "containerd"), Some(("cache".to_owned(), None, None)));
    write(
        root,
        "run/containerd/io.containerd.runtime.v2.task/default/ID/config.json",
        r#"{"annotations":{"nerdctl/name":"queue","nerdctl/namespace":"default"}}"#,
    );
    assert_eq!(told(root, "containerd"), Some(("queue".to_owned(), None, None)));
}

#[test]
fn a_name_that_comes_late_is_told_once_and_known_from_then_on() {
    let root = tempfile::tempdir().unwrap();
    let mut containers = Containers::start(root.path());
    let cgroup = format!("/kubepods/besteffort/pod{UID}/{ID}");
    let unnamed = containers.of(&cgroup).unwrap();
    assert_eq!((unnamed.name, unnamed.pod.as_deref()), (None, Some(UID)));
    write(
        root.path(),
        "run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json",
        r#"{"annotations":{"io.kubernetes.cri.container-name":"app"}}"#,
    );
    let since = Instant::now();
    let named = loop {
        let named = containers.named();
        if !named.is_empty() {
            break named;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "never named");
        std::thread::yield_now();
    };
    assert_eq!((named.len(), named[0].name.as_deref()), (1, Some("app")));
    assert_eq!(named[0].pod.as_deref(), Some(UID), "what the path tells is kept");
    assert_eq!(containers.of(&cgroup).unwrap().name.as_deref(), Some("app"));
    assert!(containers.named().is_empty());
}

#[test]
fn a_runtime_that_hangs_blocks_nobody() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("run")).unwrap();
    // It listens and never answers.
    let _listener = UnixListener::bind(root.path().join("run/docker.sock")).unwrap();
    let mut containers = Containers::start(root.path());
    let since = Instant::now();
    for number in 0..10_000u64 {
        let id = format!("{number:064x}");
        assert!(containers.of(&format!("/docker/{id}")).is_some());
        assert!(containers.named().is_empty());
    }
    // The thread is still at the first one: asking waits for nobody.
    assert!(since.elapsed() < Duration::from_secs(60));
    assert!(containers.known.len() <= KNOWN_MAX);
}

#[test]
fn what_users_run_themselves_is_not_asked_for() {
    let cgroup = format!("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope");
    assert!(!is_askable(&container("podman"), &cgroup));
    assert!(!is_askable(&Container { id: "../../etc".to_owned(), ..container("lxc") }, "/lxc/../../etc"));
    assert!(is_askable(&container("docker"), &format!("/docker/{ID}")));
}

/// What containerd's interface says of a container: its id, its labels and its image, among what else it says.
pub(super) fn said(id: &str, labels: &[(&str, &str)], image: &str) -> Vec<u8> {
    let mut container = Vec::new();
    protobuf::put(&mut container, 1, id);
    for (name, value) in labels {
        let mut entry = Vec::new();
        protobuf::put(&mut entry, 1, name);
        protobuf::put(&mut entry, 2, value);
        protobuf::put(&mut container, 2, &entry);
    }
    protobuf::put(&mut container, 3, image);
    protobuf::put(&mut container, 6, "overlayfs");
    let mut answer = Vec::new();
    protobuf::put(&mut answer, 1, &container);
    grpc::tests::answered(&answer, 50)
}

/// The list of its namespaces.
fn namespaces(names: &[&str]) -> Vec<u8> {
    let mut list = Vec::new();
    for name in names {
        let mut namespace = Vec::new();
        protobuf::put(&mut namespace, 1, name);
        protobuf::put(&mut list, 1, &namespace);
    }
    grpc::tests::answered(&list, 50)
}

#[test]
fn containerd_answers_for_whoever_made_the_container() {
    const SOCKET: &str = "run/containerd/containerd.sock";
    let nobody = grpc::tests::failed;
    let pod = [
        ("io.kubernetes.container.name", "app"),
        ("io.kubernetes.pod.name", "app-0"),
        ("io.kubernetes.pod.namespace", "shop"),
    ];
    let check = |answers: Vec<Vec<u8>>, expected| {
        let root = tempfile::tempdir().unwrap();
        let server = serve(root.path(), SOCKET, answers);
        assert_eq!(told(root.path(), "containerd"), expected);
        server.join().unwrap()
    };
    // A namespace that does not know it is passed over, and Docker's is not asked.
    let asked = check(
        vec![namespaces(&["moby", "default", "k8s.io"]), nobody(), said(ID, &pod, "example.com/app:4")],
        some("app", "example.com/app:4", Some("shop/app-0")),
    );
    let of = |asked: &str, what: &str| asked.contains(what);
    assert!(of(&asked[0], "/containerd.services.namespaces.v1.Namespaces/List"), "{asked:?}");
    assert!(of(&asked[1], "containerd-namespace\u{7}default"), "{asked:?}");
    assert!(of(&asked[2], "containerd-namespace\u{6}k8s.io") && of(&asked[2], ID), "{asked:?}");
    let nerdctl = [("nerdctl/name", "cache")];
    check(vec![namespaces(&["default"]), said(ID, &nerdctl, "redis:7")], some("cache", "redis:7", None));
    check(vec![namespaces(&["default"]), said(ID, &[], "redis:7")], some(ID, "redis:7", None));
    check(vec![namespaces(&["default"]), said(&"0".repeat(64), &[], "evil:1")], None);
    check(vec![namespaces(&["../x", ""])], None);
    check(vec![nobody()], None);
    check(vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()], None);
}

#[test]
fn a_container_of_containerd_is_known_where_it_runs_under_a_name_of_its_own() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(root, "run/containerd/io.containerd.runtime.v2.task/default/web.1/config.json", "{}");
    write(root, "run/k3s/containerd/io.containerd.runtime.v2.task/apps/job/config.json", "{}");
    let check = |cgroup: &str, expected: Option<&str>| {
        let mut containers = Containers::start(root);
        for _ in 0..2 {
            let found = containers.of(cgroup);
            let id = found.as_ref().map(|found| found.id.split('@').next().unwrap());
            assert_eq!(id, expected, "{cgroup}");
            assert!(found.is_none_or(|found| found.runtime == "containerd"));
        }
    };
    check("/default/web.1", Some("default/web.1"));
    check("/system.slice/x.service/default/web.1/deeper/below", Some("default/web.1"));
    check("/apps/job", Some("apps/job"));
    check("/default/web.1/apps/job", Some("default/web.1"));
    for none in ["/default/other", "/default", "/web.1", "/other/web.1", "/default/../default/web.1x", "/"] {
        check(none, None);
    }
    // A host of its own: what was asked for above may still be asking.
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(root, "run/containerd/io.containerd.runtime.v2.task/default/web.1/config.json", "{}");
    let tasks = root.join("run/containerd/io.containerd.runtime.v2.task/default");
    let known = containerd::of_cgroup(root, "/default/web.1").unwrap();
    let socket = "run/containerd/containerd.sock";
    let answer = || said("web.1", &[], "example.com/web:1");
    let server = serve(root, socket, vec![answer(), answer()]);
    let named = ask(root, &known).unwrap();
    assert_eq!((&named.id, named.name.as_deref()), (&known.id, Some("web.1")));
    assert_eq!(named.image.as_deref(), Some("example.com/web:1"));
    // Another one of that name is another container, and what is said of it is nothing about the first.
    fs::rename(tasks.join("web.1"), tasks.join("gone")).unwrap();
    let created = |name: &str| tasks.join(name).metadata().unwrap().created().unwrap();
    fs::create_dir(tasks.join("web.1")).unwrap();
    // The clock of a file system steps by milliseconds; no two containers of a host are made within one step.
    while created("web.1") == created("gone") {
        fs::remove_dir(tasks.join("web.1")).unwrap();
        fs::create_dir(tasks.join("web.1")).unwrap();
    }
    assert_ne!(containerd::of_cgroup(root, "/default/web.1").unwrap().id, known.id);
    assert_eq!(ask(root, &known), None);
    assert!(server.join().unwrap()[0].contains("containerd-namespace\u{7}default"));
}

/// What the interface of Kubernetes says of a container: beside what is read of it, its state and times.
pub(super) fn container_status(id: &str, name: &str, image: &str, labels: &[(&str, &str)]) -> Vec<u8> {
    let message = |parts: &[(u8, &[u8])]| {
        let mut message = Vec::new();
        for (number, part) in parts {
            protobuf::put(&mut message, *number, part);
        }
        message
    };
    let mut status = message(&[(1, id.as_bytes()), (2, &message(&[(1, name.as_bytes())]))]);
    // state = 1 (running), created_at and started_at: numbers.
    status.extend([3 << 3, 1, 4 << 3, 0x96, 0x01, 5 << 3, 0x97, 0x01]);
    // The image as it is called, and, where that is an id, as it was asked for: field 18 takes a number of two bytes.
    let mut spec = message(&[(1, b"0123456789ab")]);
    spec.extend([0x92, 0x01, image.len() as u8]);
    spec.extend(image.as_bytes());
    let spec = if image.is_empty() { message(&[(1, b"0123456789ab")]) } else { spec };
    status.extend(message(&[(8, &spec), (9, b"example.com/app@sha256:0123")]));
    for (name, value) in labels {
        status.extend(message(&[(12, &message(&[(1, name.as_bytes()), (2, value.as_bytes())]))]));
    }
    let info = message(&[(1, b"info"), (2, b"{}")]);
    grpc::tests::answered(&message(&[(1, &status), (2, &info)]), 50)
}

/// Stands in for CRI-O: answers a call of a method that it knows about a container that it has, and is as strict about what
/// is asked as a server of gRPC: one whole request of that very form, and nothing else.
fn serve_cri(root: &Path, knows: &'static str, answer: Vec<u8>, calls: usize) -> std::thread::JoinHandle<()> {
    let socket = root.join("run/crio/crio.sock");
    fs::create_dir_all(socket.parent().unwrap()).unwrap();
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for _ in 0..calls {
            let (mut stream, _) = listener.accept().unwrap();
            let (method, question) = grpc::tests::asked(&mut stream);
            let mut expected = Vec::new();
            protobuf::put(&mut expected, 1, ID);
            assert_eq!(question, expected, "{method}");
            let known = method == knows;
            stream.write_all(&if known { answer.clone() } else { grpc::tests::failed() }).unwrap();
        }
    })
}

#[test]
fn crio_answers_by_the_interface_of_kubernetes() {
    let labels = [("io.kubernetes.pod.name", "app-0"), ("io.kubernetes.pod.namespace", "shop")];
    let (now, before) = (cri::METHODS[0], cri::METHODS[1]);
    let check = |runtime: &str, knows, answer: Vec<u8>, calls, expected| {
        let root = tempfile::tempdir().unwrap();
        let server = serve_cri(root.path(), knows, answer, calls);
        assert_eq!(told(root.path(), runtime), expected);
        server.join().unwrap();
    };
    let app = || some("app", "example.com/app:4", Some("shop/app-0"));
    let status = |id: &str, name: &str, image: &str| container_status(id, name, image, &labels);
    check("cri-o", now, status(ID, "app", "example.com/app:4"), 1, app());
    check("cri-o", before, status(ID, "app", "example.com/app:4"), 2, app());
    check("kubernetes", now, status(ID, "app", "example.com/app:4"), 1, app());
    check("cri-o", now, status(ID, "app", ""), 1, some("app", "0123456789ab", Some("shop/app-0")));
    check("cri-o", now, status(&"0".repeat(64), "evil", "evil:1"), 2, None);
    check("cri-o", now, status(ID, "", "example.com/app:4"), 2, None);
    check("cri-o", "/another", Vec::new(), 2, None);
    // Its files tell without asking, where they tell all.
    let root = tempfile::tempdir().unwrap();
    let bundle = "run/containers/storage/overlay-containers/ID/userdata/config.json";
    write(root.path(), bundle, r#"{"annotations":{"io.kubernetes.container.name":"api"}}"#);
    let server = serve_cri(root.path(), now, status(ID, "app", "example.com/app:4"), 1);
    assert_eq!(told(root.path(), "cri-o"), app(), "with its image");
    server.join().unwrap();
    fs::remove_file(root.path().join("run/crio/crio.sock")).unwrap();
    assert_eq!(told(root.path(), "cri-o"), Some(("api".to_owned(), None, None)));
    let other = Container { runtime: "kubernetes".to_owned(), ..container("kubernetes") };
    assert_eq!(ask(root.path(), &other).unwrap().runtime, "kubernetes");
}
