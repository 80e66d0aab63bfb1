//! What a path in the cgroup tree says of who a process belongs to: a container, a systemd unit. Pure.
//!
//! Whoever is given a part of the tree may name what is below it as he likes. So the outermost name counts: it was
//! made by whoever the host's own init system or container runtime is.

use crate::event::Container;

/// What precedes a container's id in the name of its cgroup, and the runtime that writes it so. Monitors
/// (`libpod-conmon-…`) have no id directly behind the prefix.
const PREFIXES: [(&str, &str); 6] = [
    ("docker-", "docker"),
    ("cri-containerd-", "containerd"),
    ("nerdctl-", "containerd"),
    ("containerd-", "containerd"),
    ("crio-", "cri-o"),
    ("libpod-", "podman"),
];

/// Whether a text may be a container's id or name.
type Rule = fn(&str) -> bool;

/// Directories whose entries are containers, their runtime, and the rule for the entries' names.
const PARENTS: [(&str, &str, Rule); 6] = [
    ("docker", "docker", is_hex_id),
    ("libpod_parent", "podman", is_hex_id),
    ("buildkit", "buildkit", is_short_id),
    ("garden", "garden", is_short_id),
    ("lxc", "lxc", is_name),
    ("lxc.payload", "lxc", is_name),
];

/// The container of a cgroup path: runtime, id and the pod's uid, as far as the path tells.
pub fn container_of(cgroup: &str) -> Option<Container> {
    let mut pod = None;
    let mut parent = "";
    let mut tasks = false;
    for part in cgroup.split('/').filter(|part| !part.is_empty()) {
        let bare = part.strip_suffix(".scope").unwrap_or(part);
        pod = pod_of(part).or(pod);
        // `SLICE:PREFIX:ID`, as runc writes it where runtime and kubelet disagree about who manages the tree.
        let bare = match bare.rsplit_once(':') {
            Some((before, id)) => {
                pod = before.split(':').find_map(pod_of).or(pod);
                let prefix = before.rsplit(':').next().unwrap_or_default();
                let runtime = PREFIXES.iter().find(|(known, _)| known.trim_end_matches('-') == prefix);
                if let Some((_, runtime)) = runtime.filter(|_| is_hex_id(id)) {
                    return found(runtime, id, pod);
                }
                id
            }
            None => bare,
        };
        for (prefix, runtime) in PREFIXES {
            if let Some(id) = bare.strip_prefix(prefix).filter(|id| is_hex_id(id)) {
                return found(runtime, id, pod);
            }
        }
        if let Some(name) = machine(part) {
            return found("nspawn", name, None);
        }
        if let Some(name) = part.strip_prefix("lxc.payload.").filter(|name| is_name(name)) {
            return found("lxc", name, None);
        }
        for (directory, runtime, rule) in PARENTS {
            if parent == directory && rule(bare) {
                return found(runtime, bare, pod);
            }
        }
        // /ecs/TASK/CONTAINER
        if tasks && is_hex_id(bare.split('-').next().unwrap_or_default()) {
            return found("docker", bare, pod);
        }
        tasks = parent == "ecs";
        if is_hex_id(bare) && !tasks && (pod.is_some() || bare.len() == 64) {
            return found(if pod.is_some() { "kubernetes" } else { "" }, bare, pod);
        }
        parent = part;
    }
    None
}

/// The systemd service of a cgroup path, such as `nginx.service`; of a user's manager the service below it.
pub fn unit_of(cgroup: &str) -> Option<&str> {
    cgroup.split('/').find(|part| {
        part.len() > ".service".len() && part.ends_with(".service") && !part.starts_with("user@")
    })
}

fn found(runtime: &str, id: &str, pod: Option<String>) -> Option<Container> {
    Some(Container { runtime: runtime.to_owned(), id: id.to_owned(), pod, ..Container::default() })
}

/// The pod's uid of `podUID` (cgroupfs) and `kubepods-QOS-podUID.slice` (systemd, which has `_` for `-`).
fn pod_of(part: &str) -> Option<String> {
    let bare = part.strip_suffix(".slice").unwrap_or(part);
    let uid = match bare.strip_prefix("kubepods") {
        Some(rest) => rest.rsplit_once("-pod")?.1,
        None => bare.strip_prefix("pod")?,
    };
    let is_uid = (32..=36).contains(&uid.len())
        && uid.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'-' | b'_'));
    is_uid.then(|| uid.replace('_', "-"))
}

/// The machine of `systemd-nspawn@NAME.service` and `machine-NAME.scope`; a virtual machine is none.
fn machine(part: &str) -> Option<&str> {
    let named = part.strip_prefix("systemd-nspawn@").and_then(|rest| rest.strip_suffix(".service"));
    let scope = || part.strip_prefix("machine-")?.strip_suffix(".scope");
    let virtual_machine = |name: &&str| name.starts_with("qemu") || name.starts_with("lxc\\x2d");
    named.or_else(|| scope().filter(|name| !virtual_machine(name))).filter(|name| is_name(name))
}

fn is_hex_id(id: &str) -> bool {
    (12..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_short_id(id: &str) -> bool {
    (20..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e9d1c0b2a4f5e";
    const UID: &str = "8dbc5577-d0e2-4706-8787-57d52c03ddf2";

    #[test]
    fn cgroup_paths_name_containers() {
        let systemd_uid = UID.replace('-', "_");
        let check = |path: &str, expected: Option<(&str, &str)>| {
            let path = path.replace("ID", ID).replace("UUU", UID).replace("UUS", &systemd_uid);
            let found = container_of(&path);
            let found = found.as_ref().map(|found| (found.runtime.as_str(), found.id.as_str()));
            assert_eq!(found, expected, "{path}");
        };
        for (path, runtime) in [
            ("/docker/ID", "docker"),
            ("/system.slice/docker-ID.scope", "docker"),
            ("/system.slice/docker-ID.scope/init.scope", "docker"),
            ("/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID.scope", "docker"),
            ("/ecs/0123456789abcdef0123456789abcdef/ID", "docker"),
            ("/ecstasks.slice/ecstasks-0123456789abcdef0123456789abcdef.slice/docker-ID.scope", "docker"),
            ("/machine.slice/libpod-ID.scope/container", "podman"),
            ("/libpod_parent/libpod-ID", "podman"),
            ("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container", "podman"),
            (
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUUS.slice/cri-containerd-ID.scope",
                "containerd",
            ),
            ("/kubepods.slice/kubepods-podUUS.slice/crio-ID.scope", "cri-o"),
            ("/kubepods.slice/kubepods-podUUS.slice/crio-ID.scope/container", "cri-o"),
            (
                "/system.slice/containerd.service/kubepods-besteffort-podUUS.slice:cri-containerd:ID",
                "containerd",
            ),
            ("/kubepods/besteffort/podUUU/ID", "kubernetes"),
            ("/kubepods/podUUU/ID", "kubernetes"),
            ("/system.slice/nerdctl-ID.scope", "containerd"),
            ("/default/ID", ""),
        ] {
            check(path, Some((runtime, ID)));
        }
        check("/lxc/web", Some(("lxc", "web")));
        check("/lxc.payload/web", Some(("lxc", "web")));
        check("/lxc.payload.web/system.slice/cron.service", Some(("lxc", "web")));
        check("/machine.slice/systemd-nspawn@web.service/payload", Some(("nspawn", "web")));
        check("/machine.slice/machine-web.scope/payload", Some(("nspawn", "web")));
        check("/buildkit/yqhqp3lzxk5kq6vj6u4m1k3wp", Some(("buildkit", "yqhqp3lzxk5kq6vj6u4m1k3wp")));
        let guid = "4ec9b2d0-6e1f-4d0e-4d3b-2a0c";
        check(&format!("/system.slice/garden.service/garden/{guid}"), Some(("garden", guid)));
        let fargate = "0123456789abcdef0123456789abcdef-1234567890";
        check(&format!("/ecs/0123456789abcdef0123456789abcdef/{fargate}"), Some(("docker", fargate)));
        for none in [
            "",
            "/",
            "/init.scope",
            "/docker",
            "/system.slice/docker.service",
            "/system.slice/docker-abc.scope",
            "/machine.slice/libpod-conmon-ID.scope",
            "/lxc.monitor.web",
            "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope",
            "/kubepods.slice/kubepods-podUUS.slice",
            "/user.slice/user-1000.slice/session-3.scope",
        ] {
            check(none, None);
        }
    }

    #[test]
    fn the_runtime_that_the_host_knows_is_named_and_not_what_lies_within() {
        let other = "0".repeat(64);
        let found = container_of(&format!("/system.slice/docker-{ID}.scope/docker-{other}.scope")).unwrap();
        assert_eq!(found.id, ID);
    }

    #[test]
    fn pods_are_known_by_their_uid_under_either_driver() {
        for path in [
            format!("/kubepods/burstable/pod{UID}/{ID}"),
            format!("/kubepods.slice/kubepods-pod{}.slice/crio-{ID}.scope", UID.replace('-', "_")),
            format!(
                "/system.slice/x.service/kubepods-pod{}.slice:cri-containerd:{ID}",
                UID.replace('-', "_")
            ),
        ] {
            assert_eq!(container_of(&path).unwrap().pod.as_deref(), Some(UID), "{path}");
        }
        assert_eq!(container_of(&format!("/docker/{ID}")).unwrap().pod, None);
    }

    #[test]
    fn cgroup_paths_name_units() {
        for (path, unit) in [
            ("/system.slice/nginx.service", Some("nginx.service")),
            ("/system.slice/system-getty.slice/getty@tty1.service", Some("getty@tty1.service")),
            ("/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", Some("x.service")),
            ("/system.slice/web.service/sshd.service", Some("web.service")),
            ("/user.slice/user-1000.slice/session-3.scope", None),
            ("/system.slice/.service", None),
            ("", None),
        ] {
            assert_eq!(unit_of(path), unit, "{path}");
        }
    }
}
