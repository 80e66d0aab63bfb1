//! Names of containers: asked of the runtimes' local sockets and read from their files, beside the recording.
//!
//! A thread asks, one container at a time; questions wait in a bounded queue, and one that finds it full waits for the
//! next second. What is not found is asked for a few times more, since a runtime writes its files while it starts a
//! container, and then stays unnamed. Only ids that are hexadecimal are asked for, so none is a path. What a user's
//! own runtime runs is not asked for: its answers would be that user's to choose.

mod containerd;
mod cri;
mod docker;
mod files;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod grpc;
mod protobuf;

use std::collections::HashMap;
use std::collections::HashSet;
use std::path::Path;
use std::path::PathBuf;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use std::time::Instant;

use history::Container;

/// Questions and answers that wait.
const WAITING_MAX: usize = 256;

/// Containers remembered.
const KNOWN_MAX: usize = 4_096;

/// Times that a container is asked for.
const TRIES_MAX: u32 = 5;

/// Between two tries, at first; each takes twice as long as the one before.
const PAUSE: Duration = Duration::from_secs(1);

/// Longest text that is taken from a runtime, bytes.
const TEXT_MAX: usize = 256;

/// A runtime that does not go on within this is left alone.
const SILENCE_MAX: Duration = Duration::from_secs(2);

/// Longest time for one answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Largest answer that is read, bytes.
const SIZE_MAX: usize = 1 << 20;

/// Cgroups remembered that are no container's.
const CGROUPS_MAX: usize = 4_096;

/// How far a container is known.
#[derive(Debug)]
enum Known {
    Named(Box<Container>),
    Asked { container: Box<Container>, tries: u32, next: Instant },
    Nameless,
}

/// The containers of this host.
#[derive(Debug)]
pub struct Containers {
    root: PathBuf,
    known: HashMap<String, Known>,
    /// Cgroups that are no container's, as far as path and containerd tell.
    others: HashSet<String>,
    questions: SyncSender<Container>,
    answers: Receiver<(String, Option<Container>)>,
}

impl Containers {
    /// Begins to ask; `root` is the directory that the runtimes' sockets and files lie below, `/` on a host.
    pub fn start(root: &Path) -> Self {
        let (questions, asked) = mpsc::sync_channel::<Container>(WAITING_MAX);
        let (sender, answers) = mpsc::sync_channel(WAITING_MAX);
        let root = PathBuf::from(root);
        let of_thread = root.clone();
        std::thread::spawn(move || {
            for container in asked {
                let named = ask(&of_thread, &container);
                if sender.send((container.id, named)).is_err() {
                    break;
                }
            }
        });
        Self { root, known: HashMap::new(), others: HashSet::new(), questions, answers }
    }

    /// The container of a cgroup path, with its name where that is known already. Never waits.
    pub fn of(&mut self, cgroup: &str) -> Option<Box<Container>> {
        let container = history::container_of(cgroup).map(Box::new).or_else(|| self.of_containerd(cgroup))?;
        match self.known.get(&container.id) {
            Some(Known::Named(named)) => return Some(named.clone()),
            Some(_) => {}
            None if is_askable(&container, cgroup) => {
                if self.known.len() >= KNOWN_MAX {
                    self.known.clear();
                }
                let asked = Known::Asked { container: container.clone(), tries: 0, next: Instant::now() };
                self.known.insert(container.id.clone(), asked);
                self.ask_again();
            }
            None => {}
        }
        Some(container)
    }

    /// The container that containerd runs in a cgroup whose path does not tell.
    fn of_containerd(&mut self, cgroup: &str) -> Option<Box<Container>> {
        if self.others.contains(cgroup) {
            return None;
        }
        let found = containerd::of_cgroup(&self.root, cgroup).map(Box::new);
        if found.is_none() {
            if self.others.len() >= CGROUPS_MAX {
                self.others.clear();
            }
            self.others.insert(cgroup.to_owned());
        }
        found
    }

    /// Containers that were named since the last call. To be called each second.
    pub fn named(&mut self) -> Vec<Container> {
        let mut named = Vec::new();
        for (id, answer) in self.answers.try_iter() {
            let Some(known) = self.known.get_mut(&id) else {
                continue;
            };
            match (answer, &known) {
                (Some(container), _) => {
                    *known = Known::Named(Box::new(container.clone()));
                    named.push(container);
                }
                (None, Known::Asked { tries, .. }) if *tries >= TRIES_MAX => *known = Known::Nameless,
                (None, _) => {}
            }
        }
        self.ask_again();
        named
    }

    fn ask_again(&mut self) {
        let now = Instant::now();
        for known in self.known.values_mut() {
            if let Known::Asked { container, tries, next } = known
                && *next <= now
                && *tries < TRIES_MAX
            {
                if self.questions.try_send((**container).clone()).is_err() {
                    return;
                }
                *next = now + PAUSE * 2u32.pow(*tries);
                *tries += 1;
            }
        }
    }
}

/// Whether the host's own runtimes may know a container. What has a name within a namespace containerd was seen to run.
fn is_askable(container: &Container, cgroup: &str) -> bool {
    let id = &container.id;
    let is_hex = id.len() >= 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_containerds = container.runtime == "containerd" && id.contains('/');
    (is_hex || is_containerds) && !cgroup.contains("/user@")
}

/// Asks whichever runtime may know it.
fn ask(root: &Path, container: &Container) -> Option<Container> {
    let docker = || {
        let sockets = ["run/docker.sock", "var/run/docker.sock"];
        sockets.iter().find_map(|socket| docker::ask(&root.join(socket), container))
    };
    let podman = || docker::ask(&root.join("run/podman/podman.sock"), container);
    // The files of a pod's container name its image as it was asked for.
    let containerd = || {
        let files = files::containerd(root, container).or_else(|| files::nerdctl(root, container));
        unless_with_image(files, || containerd::ask(root, container))
    };
    let crio = || unless_with_image(files::crio(root, container), || cri::ask(root, container));
    match container.runtime.as_str() {
        "docker" => docker().or_else(|| files::docker(root, container)),
        "podman" => podman().or_else(|| files::storage(root, container)),
        "cri-o" => crio().or_else(|| files::storage(root, container)),
        "containerd" => containerd(),
        _ => containerd()
            .or_else(crio)
            .or_else(docker)
            .or_else(|| files::docker(root, container))
            .or_else(podman),
    }
}

/// What files tell where they tell its image, else what its runtime answers, else what files tell.
fn unless_with_image(files: Option<Container>, ask: impl FnOnce() -> Option<Container>) -> Option<Container> {
    match files {
        Some(known) if known.image.is_some() => Some(known),
        files => ask().or(files),
    }
}

/// A container with what a runtime says of it; none where that is no name.
fn with(container: &Container, name: &str, image: &str, pod: Option<(&str, &str)>) -> Option<Container> {
    let text = |text: &str| {
        let text = &text[..text.floor_char_boundary(TEXT_MAX)];
        (!text.is_empty()).then(|| text.to_owned())
    };
    let pod = pod.filter(|(_, name)| !name.is_empty());
    let pod = pod.and_then(|(namespace, name)| text(&format!("{namespace}/{name}")));
    Some(Container {
        name: Some(text(name.trim_start_matches('/'))?),
        image: text(image),
        pod: pod.or_else(|| container.pod.clone()),
        ..container.clone()
    })
}

#[cfg(test)]
mod tests;
