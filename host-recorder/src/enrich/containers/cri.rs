//! What CRI-O says of a container over its socket: by the interface of Kubernetes to its runtimes (CRI), which is all that it
//! has for others.

use std::path::Path;

use history::Container;

use super::grpc;
use super::protobuf;
use super::with;

/// Where it listens.
const SOCKET: &str = "run/crio/crio.sock";

/// The interface as it is now, and as it was before CRI-O 1.20; what is read of it is the same.
pub(super) const METHODS: [&str; 2] =
    ["/runtime.v1.RuntimeService/ContainerStatus", "/runtime.v1alpha2.RuntimeService/ContainerStatus"];

/// Asks for one container; none where nobody answers, or does not know it.
pub(super) fn ask(root: &Path, container: &Container) -> Option<Container> {
    let socket = root.join(SOCKET);
    if !socket.exists() {
        return None;
    }
    let mut question = Vec::new();
    protobuf::put(&mut question, 1, &container.id);
    METHODS.iter().find_map(|method| {
        let answer = grpc::call(&socket, method, None, &question).ok()?;
        read(&answer, container)
    })
}

/// What is answered of a container (1): its id (1), its name (1) within what Kubernetes calls it (2), its image (8) as it
/// was asked for (18) or is called (1), and labels (12).
pub(super) fn read(answer: &[u8], container: &Container) -> Option<Container> {
    let part =
        |message, number| protobuf::fields(message).find(|(at, _)| *at == number).map(|(_, part)| part);
    let said = part(answer, 1)?;
    if protobuf::text(said, 1) != container.id {
        return None;
    }
    let label = |name: &str| protobuf::entry(said, 12, name);
    let pod = (label("io.kubernetes.pod.namespace"), label("io.kubernetes.pod.name"));
    let first =
        |texts: [&'_ str; 2]| texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default().to_owned();
    let image = part(said, 8).unwrap_or_default();
    let image = first([protobuf::text(image, 18), protobuf::text(image, 1)]);
    let name = protobuf::text(part(said, 2).unwrap_or_default(), 1);
    let name = first([name, label("io.kubernetes.container.name")]);
    let known = Container { runtime: "cri-o".to_owned(), ..container.clone() };
    with(&known, &name, &image, Some(pod))
}
