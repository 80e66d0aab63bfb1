//! What containerd says of a container over its socket, whoever made it: Kubernetes, nerdctl, `ctr`, or a program of
//! one's own.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

use history::Container;

use super::grpc;
use super::protobuf;
use super::with;

/// Where it listens: by itself, and as part of k3s and RKE2, k0s, and MicroK8s.
const SOCKETS: [&str; 4] = [
    "run/containerd/containerd.sock",
    "run/k3s/containerd/containerd.sock",
    "run/k0s/containerd.sock",
    "var/snap/microk8s/common/run/containerd.sock",
];

/// Where it keeps a directory for each container that runs: below it one of each namespace.
const TASKS: [&str; 4] = [
    "run/containerd/io.containerd.runtime.v2.task",
    "run/k3s/containerd/io.containerd.runtime.v2.task",
    "run/k0s/containerd/io.containerd.runtime.v2.task",
    "var/snap/microk8s/common/run/containerd/io.containerd.runtime.v2.task",
];

/// Namespaces that are asked.
const NAMESPACES_MAX: usize = 32;

/// Longest name that it allows.
const NAME_MAX: usize = 76;

/// The namespace of Docker's containers, which Docker names.
const DOCKERS: &str = "moby";

/// The container of a cgroup path that tells of none by itself: containerd's own clients name cgroups `NAMESPACE/NAME`
/// and choose both. It is one where containerd runs a container of that name; the outermost counts. A name is used again
/// for another container, so the id here is `NAMESPACE/NAME@BEGINNING`.
pub(super) fn of_cgroup(root: &Path, cgroup: &str) -> Option<Container> {
    let parts: Vec<&str> = cgroup.split('/').filter(|part| !part.is_empty()).collect();
    parts.windows(2).find_map(|pair| {
        let id = running(root, pair[0], pair[1])?;
        Some(Container { runtime: "containerd".to_owned(), id, ..Container::default() })
    })
}

/// Asks for one container; none where nobody answers, or does not know it.
pub(super) fn ask(root: &Path, container: &Container) -> Option<Container> {
    SOCKETS.iter().map(|socket| root.join(socket)).filter(|socket| socket.exists()).find_map(|socket| {
        if let Some((namespace, name)) = container.id.split_once('/') {
            let name = name.split('@').next()?;
            let said = get(&socket, namespace, name, container)?;
            // What was asked for may have been replaced meanwhile.
            return (running(root, namespace, name)? == container.id).then_some(said);
        }
        let namespaces = grpc::call(&socket, "/containerd.services.namespaces.v1.Namespaces/List", None, &[]);
        let namespaces = namespaces.ok()?;
        let named = protobuf::fields(&namespaces).filter(|(number, _)| *number == 1);
        named
            .map(|(_, namespace)| protobuf::text(namespace, 1))
            .filter(|namespace| is_name(namespace) && *namespace != DOCKERS)
            .take(NAMESPACES_MAX)
            .find_map(|namespace| get(&socket, namespace, &container.id, container))
    })
}

/// The id of a container that containerd runs under a name; none where it runs none.
fn running(root: &Path, namespace: &str, name: &str) -> Option<String> {
    let allowed = [namespace, name].into_iter().all(|part| is_name(part) && !is_unit(part));
    let directories = TASKS.iter().map(|tasks| root.join(tasks).join(namespace).join(name));
    let found = directories.filter(|_| allowed).find_map(|at| at.metadata().ok().filter(Metadata::is_dir))?;
    let created = found.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    // A file system in memory that tells no such time on an old kernel numbers its files anew each time.
    let began = created.map_or(u128::from(found.ino()), |since| since.as_nanos());
    Some(format!("{namespace}/{name}@{began:x}"))
}

fn get(socket: &Path, namespace: &str, name: &str, container: &Container) -> Option<Container> {
    let mut question = Vec::new();
    protobuf::put(&mut question, 1, name);
    let header = Some(("containerd-namespace", namespace));
    let method = "/containerd.services.containers.v1.Containers/Get";
    read(&grpc::call(socket, method, header, &question).ok()?, name, container)
}

/// What it answers of a container (1): its id (1), labels (2), image (3).
pub(super) fn read(answer: &[u8], name: &str, container: &Container) -> Option<Container> {
    let said = protobuf::fields(answer).find(|(number, _)| *number == 1)?.1;
    if protobuf::text(said, 1) != name {
        return None;
    }
    let label = |name: &str| protobuf::entry(said, 2, name);
    let pod = (label("io.kubernetes.pod.namespace"), label("io.kubernetes.pod.name"));
    let given = [label("io.kubernetes.container.name"), label("nerdctl/name"), name];
    let given = given.into_iter().find(|name| !name.is_empty())?;
    let known = Container { runtime: "containerd".to_owned(), ..container.clone() };
    with(&known, given, protobuf::text(said, 3), Some(pod))
}

/// Whether a text is a name as containerd allows them: words of letters and digits, joined by single signs. So none is a
/// path.
fn is_name(text: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    text.len() <= NAME_MAX && text.split(['.', '_', '-']).all(is_word)
}

/// Whether a part of a cgroup path is systemd's.
fn is_unit(part: &str) -> bool {
    [".slice", ".service", ".scope"].iter().any(|end| part.ends_with(end))
}
