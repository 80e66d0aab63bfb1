//! Which container a client has its runtime start, by what it was told: its name, its image, or the project whose services
//! it starts. Pure.

use history::Container;
use history::Process;

use crate::beginnings::program;
use crate::processes::Processes;

use super::is_named;

/// Whether a client has containers started that are there already, or those of a project.
pub(super) fn starts(client: &Process) -> bool {
    let asks = |words: &[&str]| client.argv.iter().skip(1).any(|word| words.contains(&word.as_str()));
    if is_of_project(client) {
        asks(&["up", "start", "restart", "run", "create"])
    } else {
        asks(&["start", "restart"])
    }
}

/// Whether a client starts one container and no more.
pub(super) fn asks_for_one(client: &Process) -> bool {
    !starts(client)
}

/// Whether a client asks for the start of the container that a process runs in.
pub(super) fn asks_for(client: &Process, process: &Process) -> bool {
    process.container.as_deref().is_some_and(|container| is_asked(client, container))
}

fn is_asked(client: &Process, container: &Container) -> bool {
    let words = || client.argv.iter().skip(1);
    if is_of_project(client) {
        return project(client).is_some_and(|project| is_of(container, &project));
    }
    if words().any(|word| word == "run") {
        return match option(&client.argv, &["--name"]) {
            Some(name) => container.name.as_deref() == Some(name),
            None => words().any(|word| is_image(container, word)),
        };
    }
    starts(client) && words().any(|word| is_named(container, word))
}

/// The first program of the container whose terminal a client uses from now on (`docker attach`).
pub(super) fn attached_to<'a>(client: &Process, known: &'a Processes) -> Option<&'a Process> {
    let asks = |word: &str| client.argv.iter().skip(1).any(|argument| argument == word);
    let is_one = ["docker", "podman", "nerdctl"].contains(&program(client)) && asks("attach");
    if !is_one || asks("run") || asks("exec") || starts(client) {
        return None;
    }
    let is_its = |process: &&Process| {
        let container = process.container.as_deref();
        container.is_some_and(|container| client.argv.iter().skip(1).any(|word| is_named(container, word)))
    };
    known.running().filter(is_its).min_by_key(|process| process.id.start_ns)
}

/// Whether a client is Compose: its own program, or the command that executes that.
fn is_of_project(client: &Process) -> bool {
    program(client) == "docker-compose" || client.argv.iter().skip(1).any(|word| word == "compose")
}

/// The project that Compose is called for: the one that it is told, or the name of its directory.
fn project(client: &Process) -> Option<String> {
    let argv = &client.argv;
    let directory = || {
        let file =
            option(argv, &["-f", "--file"]).and_then(|file| file.rsplit_once('/')).map(|(parent, _)| parent);
        let told = option(argv, &["--project-directory"]).or(file).filter(|path| !matches!(*path, "." | ""));
        told.unwrap_or(&client.cwd).trim_end_matches('/').rsplit('/').next()
    };
    let name = option(argv, &["-p", "--project-name"]).or_else(directory)?.to_lowercase();
    let kept = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    let name: String = name.chars().filter(kept).collect();
    Some(name.trim_start_matches(['-', '_']).to_owned()).filter(|name| !name.is_empty())
}

/// Whether a container has the name that Compose gives to those of a project: `PROJECT-SERVICE-1`.
fn is_of(container: &Container, project: &str) -> bool {
    let rest = container.name.as_deref().and_then(|name| name.strip_prefix(project));
    rest.is_some_and(|rest| rest.starts_with(['-', '_']))
}

/// Whether a word names a container's image, with or without what the runtime adds to it.
fn is_image(container: &Container, word: &str) -> bool {
    let bare = |image: &'_ str| {
        let image =
            ["docker.io/", "localhost/"].iter().find_map(|from| image.strip_prefix(from)).unwrap_or(image);
        let image = image.strip_prefix("library/").unwrap_or(image);
        image.strip_suffix(":latest").unwrap_or(image).to_owned()
    };
    container.image.as_deref().is_some_and(|image| !word.is_empty() && bare(image) == bare(word))
}

/// What follows an option, or stands behind its `=`.
fn option<'a>(argv: &'a [String], names: &[&str]) -> Option<&'a str> {
    argv.iter().enumerate().skip(1).find_map(|(at, word)| match word.split_once('=') {
        Some((name, value)) if names.contains(&name) => Some(value),
        None if names.contains(&word.as_str()) => argv.get(at + 1).map(String::as_str),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use history::BootId;
    use history::ProcessId;

    use super::*;

    /// Whether a line that is typed in a directory asks for a container of a name and an image.
    fn asks(line: &str, name: &str, image: &str) -> bool {
        let id = ProcessId { boot: BootId(1), tgid: 9, start_ns: 1, exec: 1 };
        let argv: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let exe = format!("/usr/bin/{}", argv[0]);
        let client = Process { exe, argv, cwd: "/srv/My.Shop".to_owned(), ..crate::testing::process(id) };
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let container = Container {
            id: "4f5e9d1c0b2a".to_owned(),
            name: text(name),
            image: text(image),
            ..Container::default()
        };
        is_asked(&client, &container)
    }

    #[test]
    fn a_container_is_a_clients_by_its_name_its_image_or_its_project() {
        for (line, name, image) in [
            ("docker run -d nginx", "happy_ritchie", "nginx"),
            ("docker run -d nginx", "happy_ritchie", "docker.io/library/nginx:latest"),
            ("docker run --rm example.com/tools:1 198.51.100.7", "x", "example.com/tools:1"),
            ("docker run --name web -d nginx", "web", "nginx"),
            ("docker container run --name=web nginx", "web", ""),
            ("docker start -a web", "web", "nginx"),
            ("docker restart 4f5e9d1c", "web", "nginx"),
            ("docker compose up -d", "myshop-web-1", "nginx"),
            ("docker-compose restart web", "myshop_web_1", "nginx"),
            ("docker compose -p app up", "app-web-1", "nginx"),
            ("docker compose -f /srv/app/compose.yml up", "app-web-1", "nginx"),
            ("docker compose -f compose.yml up", "myshop-web-1", "nginx"),
            ("docker compose --project-name=app run web", "app-web-run-1", "nginx"),
        ] {
            assert!(asks(line, name, image), "{line}: {name} {image}");
        }
        for (line, name, image) in [
            ("docker run -d nginx", "web", "nginx:1"),
            ("docker run -d nginx", "nginx", ""),
            ("docker run --name web nginx", "other", "nginx"),
            ("docker start other", "web", "nginx"),
            ("docker exec web bash", "web", "nginx"),
            ("docker ps web", "web", "nginx"),
            ("docker compose up -d", "web", "nginx"),
            ("docker compose up -d", "myshopper-web-1", "nginx"),
            ("docker compose -p app up", "myshop-web-1", "nginx"),
        ] {
            assert!(!asks(line, name, image), "{line}: {name} {image}");
        }
    }
}
