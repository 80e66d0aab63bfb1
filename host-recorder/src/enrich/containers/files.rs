//! What container runtimes leave on disk about their containers.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use history::Container;
use serde_json::Value;

use super::docker;
use super::with;

/// Largest file that is read, bytes.
const FILE_MAX: u64 = 8 << 20;

/// Namespaces of containerd that are looked in.
const NAMESPACES_MAX: usize = 32;

/// Names of nerdctl's that are looked through.
const NAMES_MAX: usize = 4_096;

/// Docker's own description of a container.
pub(super) fn docker(root: &Path, container: &Container) -> Option<Container> {
    let file = root.join("var/lib/docker/containers").join(&container.id).join("config.v2.json");
    docker::read(&json(&file)?, container)
}

/// The annotations that the kubelet's requests, and nerdctl, leave in containerd's bundle; other clients name it by its
/// id alone.
pub(super) fn containerd(root: &Path, container: &Container) -> Option<Container> {
    let tasks = root.join("run/containerd/io.containerd.runtime.v2.task");
    let namespaces = std::fs::read_dir(tasks).ok()?.flatten().take(NAMESPACES_MAX);
    namespaces.filter_map(|entry| json(&entry.path().join(&container.id).join("config.json"))).find_map(
        |bundle| {
            let text = annotations(&bundle);
            let pod = (text("io.kubernetes.cri.sandbox-namespace"), text("io.kubernetes.cri.sandbox-name"));
            let (name, image) =
                (text("io.kubernetes.cri.container-name"), text("io.kubernetes.cri.image-name"));
            with(container, name, image, Some(pod))
                .or_else(|| with(container, text("nerdctl/name"), "", None))
        },
    )
}

/// The names that nerdctl has taken: below its directory one of each containerd, in that one of each namespace, and in
/// that a file of each name, which holds the id.
pub(super) fn nerdctl(root: &Path, container: &Container) -> Option<Container> {
    let entries = |directory: &Path| {
        std::fs::read_dir(directory).into_iter().flatten().flatten().take(NAMES_MAX).map(|entry| entry.path())
    };
    let mut names = entries(&root.join("var/lib/nerdctl"))
        .flat_map(|store| entries(&store.join("names")).collect::<Vec<_>>())
        .flat_map(|namespace| entries(&namespace).collect::<Vec<_>>())
        .take(NAMES_MAX);
    let taken = names.find(|name| file(name).is_some_and(|id| id.trim_ascii() == container.id.as_bytes()))?;
    with(container, taken.file_name()?.to_str()?, "", None)
}

/// The annotations of CRI-O's bundle.
pub(super) fn crio(root: &Path, container: &Container) -> Option<Container> {
    let storages = ["run/containers/storage", "var/run/containers/storage"];
    let bundle = |storage: &&str| {
        let bundles = root.join(storage).join("overlay-containers");
        json(&bundles.join(&container.id).join("userdata/config.json"))
    };
    let bundle = storages.iter().find_map(bundle)?;
    let text = annotations(&bundle);
    let pod = (text("io.kubernetes.pod.namespace"), text("io.kubernetes.pod.name"));
    let image = ["io.kubernetes.cri-o.ImageName", "io.kubernetes.cri-o.Image"].map(text);
    let image = image.into_iter().find(|image| !image.is_empty()).unwrap_or_default();
    with(container, text("io.kubernetes.container.name"), image, Some(pod))
}

/// The list of containers of the storage that podman and CRI-O share.
pub(super) fn storage(root: &Path, container: &Container) -> Option<Container> {
    let list = json(&root.join("var/lib/containers/storage/overlay-containers/containers.json"))?;
    let known = list.as_array()?.iter().find(|known| known["id"] == container.id.as_str())?;
    // Text within text.
    let metadata: Value =
        serde_json::from_str(known["metadata"].as_str().unwrap_or_default()).unwrap_or_default();
    let name = known["names"][0].as_str().unwrap_or_default();
    with(container, name, metadata["image-name"].as_str().unwrap_or_default(), None)
}

fn annotations<'a>(bundle: &'a Value) -> impl Fn(&'static str) -> &'a str + Copy {
    let annotations = &bundle["annotations"];
    move |name| annotations[name].as_str().unwrap_or_default()
}

/// A file as JSON; none where it is not there, too large, or no such thing.
fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&file(path)?).ok()
}

/// A file's content; none where it is not there, too large, or no file.
fn file(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    // A pipe in a file's place would keep us waiting.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= FILE_MAX).then_some(bytes)
}
