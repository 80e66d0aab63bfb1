//! Columns of a segment: one flat row an event, absent values null. Within a group of rows events of one kind stand
//! together; `id` is their order. The words are those of [`crate::event`].
//!
//! | column | type | meaning |
//! |---|---|---|
//! | `id` | int64 | number of the event in the ring |
//! | `time` | timestamp, µs since 1970 UTC | when, by the wall clock; the ring keeps whole microseconds |
//! | `offset` | int64, ns | `time` less the time since boot: the wall clock's offset then |
//! | `kind` | text | `process`, `fork`, `exit`, `credentials`, `login`, `flow`, `loss`, `recorder`, `dns`, `operation`, `targets` |
//! | `process` | text | identity of the process that the event is about (a flow's owner, a fork's child) |
//! | `parent`, `sender` | text | identities: its parent; who sent, where that differs from the owner |
//! | `seen` | text | how a process came to be recorded |
//! | `before_started_us` | int64, µs | of a process: how long before `time` its image began |
//! | `comm`, `exe`, `cwd`, `cgroup`, `tty`, `user`, `login_user` | text | of the process |
//! | `argv`, `env` | list of text | of the process |
//! | `uid` … `capabilities` | int | credentials; `from_uid` … those before a change |
//! | `groups`, `from_groups` | text | supplementary groups as ids with a space between, `+N` behind them where N more were not kept; those before a change |
//! | `container_runtime`, `container_id`, `container_name`, `image`, `pod` | text | container of a process |
//! | `script` | text | path of the script whose interpreter is the executable |
//! | `mount_ns`, `net_ns`, `pid_ns`, `user_ns` | int32 | inode numbers of a process's namespaces |
//! | `exe_inode`, `flags` | int64 | inode; bits: 1 deleted, 2 memfd, 4 argv, 8 env, 16 path truncated, 32 redacted |
//! | `exit_code`, `exit_signal` | int32 | of an exit |
//! | `protocol`, `via`, `direction`, `state` | int32, text | of a flow |
//! | `local_address` … `remote_port` | text, int32 | endpoints |
//! | `packets`, `bytes`, `bytes_received`, `tcp_flags` | int | of a flow, totals so far |
//! | `before_first_us`, `before_last_us` | int64, µs | of a flow: how long before `time` its first and its last packet or change was |
//! | `boot_ns`, `started`, `first`, `last`, `before_first`, `before_last` | int64, ns | only in segments of version 1, where `time` is in ns too: what `offset` and the differences in µs tell now |
//! | `service`, `method`, `accepted`, `key`, `origin` | text, int32 | of a login; `user` and `remote_*` too |
//! | `by`, `service_session`, `command` | text | of a login: who asked, the service's id, what for |
//! | `dns_name`, `dns_kind`, `dns_code`, `dns_flags` | text, int32 | of a DNS message; flags: 1 sent, 2 answer |
//! | `dns_answers` | list of text | addresses and names in a DNS answer |
//! | `operation`, `detail` | text | of an operation |
//! | `targets`, `targets_count` | binary, int32 | of a set of flows alike (a scan): the remote endpoints, packed as told in [`crate::targets`], and how many; the columns of a flow hold what each of them has, `remote_address` and `remote_port` are null |
//! | `local_port_last` | int32 | of such a set: the highest local port; `local_port` is the lowest |
//! | `class`, `count` | text, int64 | of a loss; `before_first_us` is since when |
//! | `act`, `note` | text | of the recorder itself |

use parquet::data_type::ByteArray;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;

use crate::event::*;
use crate::groups::Groups;
use crate::id::*;
use crate::targets::EndpointSet;
use crate::targets::Targets;

/// Names every column once: in the schema, in the writer, and in the reader.
macro_rules! columns {
    ($($field:ident: $kind:ident,)*) => {
        /// One event as a row.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub(super) struct Row {
            $(pub(super) $field: columns!(@type $kind),)*
        }

        /// The columns in order.
        pub(super) const COLUMNS: &[(&str, ColumnKind)] =
            &[$((stringify!($field), ColumnKind::$kind),)*];

        /// Rows of a group, column by column: what is absent takes next to nothing.
        #[derive(Default)]
        pub(super) struct Columns {
            rows: usize,
            $($field: columns!(@column $kind),)*
        }

        impl Columns {
            /// Adds a row.
            pub(super) fn push(&mut self, row: Row) {
                self.rows += 1;
                $(self.$field.push(columns!(@push $kind row.$field));)*
            }

            /// How many rows there are.
            pub(super) fn rows(&self) -> usize {
                self.rows
            }

            /// Hands every column that is written to a visitor, in order.
            pub(super) fn visit(&self, mut visit: impl FnMut(&str, ColumnValues<'_>)) {
                $(if is_written(stringify!($field)) {
                    visit(stringify!($field), ColumnValues::$kind(&self.$field));
                })*
            }
        }

        impl Row {
            /// Sets a column of all rows from what was read.
            pub(super) fn set_column(rows: &mut [Row], name: &str, values: ReadValues) {
                match (name, values) {
                    $((stringify!($field), ReadValues::$kind(values)) => {
                        for (row, value) in rows.iter_mut().zip(values) {
                            row.$field = value;
                        }
                    })*
                    // A column of a newer version: this program does not know it.
                    _ => {}
                }
            }
        }
    };
    (@type Long) => { Option<i64> };
    (@type Int) => { Option<i32> };
    (@type Text) => { Option<String> };
    (@type Bytes) => { Option<Vec<u8>> };
    (@type Texts) => { Option<Vec<String>> };
    (@push Text $value:expr) => { $value.map(String::into_bytes) };
    (@push $kind:ident $value:expr) => { $value };
    (@column Long) => { Column<i64> };
    (@column Int) => { Column<i32> };
    (@column Text) => { Column<ByteArray> };
    (@column Bytes) => { Column<ByteArray> };
    (@column Texts) => { Lists };
}

/// Values of a column without lists, to be written.
#[derive(Default)]
pub(super) struct Column<T> {
    /// Those that are there.
    pub(super) present: Vec<T>,
    /// For each row from the first with a value on whether one is: 1 or 0. Half of all columns have none.
    definition: Vec<i16>,
    /// Rows before that.
    before: usize,
}

impl<T: PartialEq + Clone> Column<T> {
    fn push(&mut self, value: Option<impl Into<T>>) {
        let Some(value) = value.map(Into::into) else {
            if self.present.is_empty() {
                self.before += 1
            } else {
                self.definition.push(0)
            }
            return;
        };
        self.definition.push(1);
        // Texts of neighbours are often the same, and share their bytes then.
        let same = self.present.last().filter(|last| **last == value).cloned();
        self.present.push(same.unwrap_or(value));
    }

    /// For each row whether it has a value: 1 or 0.
    pub(super) fn definition(&self) -> Vec<i16> {
        let mut whole = vec![0; self.before];
        whole.extend_from_slice(&self.definition);
        whole
    }
}

/// Values of a column of lists of texts, to be written.
#[derive(Default)]
pub(super) struct Lists {
    /// All texts.
    pub(super) present: Vec<ByteArray>,
    /// 0 no list, 1 an empty one, 2 an element.
    pub(super) definition: Vec<i16>,
    /// 0 where a row begins.
    pub(super) repetition: Vec<i16>,
}

impl Lists {
    fn push(&mut self, value: Option<Vec<String>>) {
        match value {
            Some(texts) if !texts.is_empty() => {
                for (index, text) in texts.into_iter().enumerate() {
                    self.present.push(text.into_bytes().into());
                    self.definition.push(2);
                    self.repetition.push(i16::from(index > 0));
                }
            }
            empty => {
                self.definition.push(i16::from(empty.is_some()));
                self.repetition.push(0);
            }
        }
    }
}

/// Columns of version 1 that are read and no longer written.
const RETIRED: [&str; 6] = ["boot_ns", "started", "first", "last", "before_first", "before_last"];

/// Whether segments of this version have a column.
pub(super) fn is_written(name: &str) -> bool {
    !RETIRED.contains(&name)
}

/// How a column is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Long,
    Int,
    Text,
    Bytes,
    Texts,
}

/// One column of a group, to be written.
pub(super) enum ColumnValues<'a> {
    Long(&'a Column<i64>),
    Int(&'a Column<i32>),
    Text(&'a Column<ByteArray>),
    Bytes(&'a Column<ByteArray>),
    Texts(&'a Lists),
}

/// Values of one column, as read.
pub(super) enum ReadValues {
    Long(Vec<Option<i64>>),
    Int(Vec<Option<i32>>),
    Text(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
    Texts(Vec<Option<Vec<String>>>),
}

columns! {
    id: Long,
    time: Long,
    boot_ns: Long,
    kind: Text,
    process: Text,
    parent: Text,
    sender: Text,
    seen: Text,
    started: Long,
    comm: Text,
    exe: Text,
    argv: Texts,
    env: Texts,
    cwd: Text,
    cgroup: Text,
    tty: Text,
    user: Text,
    login_user: Text,
    uid: Int,
    euid: Int,
    gid: Int,
    egid: Int,
    suid: Int,
    sgid: Int,
    fsuid: Int,
    fsgid: Int,
    login_uid: Int,
    session: Int,
    capabilities: Long,
    groups: Text,
    from_uid: Int,
    from_euid: Int,
    from_gid: Int,
    from_egid: Int,
    from_suid: Int,
    from_sgid: Int,
    from_fsuid: Int,
    from_fsgid: Int,
    from_login_uid: Int,
    from_session: Int,
    from_capabilities: Long,
    from_groups: Text,
    container_runtime: Text,
    container_id: Text,
    container_name: Text,
    image: Text,
    pod: Text,
    script: Text,
    mount_ns: Int,
    net_ns: Int,
    pid_ns: Int,
    user_ns: Int,
    exe_inode: Long,
    flags: Long,
    exit_code: Int,
    exit_signal: Int,
    protocol: Int,
    via: Text,
    direction: Text,
    state: Text,
    local_address: Text,
    local_port: Int,
    remote_address: Text,
    remote_port: Int,
    packets: Long,
    bytes: Long,
    bytes_received: Long,
    tcp_flags: Int,
    first: Long,
    last: Long,
    service: Text,
    method: Text,
    accepted: Int,
    key: Text,
    origin: Text,
    by: Text,
    service_session: Text,
    command: Text,
    dns_name: Text,
    dns_kind: Int,
    dns_code: Int,
    dns_flags: Int,
    dns_answers: Texts,
    operation: Text,
    detail: Text,
    targets: Bytes,
    targets_count: Int,
    local_port_last: Int,
    offset: Long,
    before_first: Long,
    before_last: Long,
    before_started_us: Long,
    before_first_us: Long,
    before_last_us: Long,
    class: Text,
    count: Long,
    act: Text,
    note: Text,
}

impl Row {
    /// An event as a row. Unsigned numbers keep their bits.
    pub(super) fn of(event: &Event) -> Self {
        let mut row = Self {
            id: Some(event.id as i64),
            time: Some(event.time.0),
            offset: Some(event.time.0.wrapping_sub(event.boot_ns as i64)),
            ..Self::default()
        };
        match &event.body {
            Body::Process(process) => row.set_process(process),
            Body::Fork { child, parent } => {
                row.kind = text("fork");
                row.process = id_text(*child);
                row.parent = id_text(*parent);
            }
            Body::Exit { process, code, signal } => {
                row.kind = text("exit");
                row.process = id_text(*process);
                row.exit_code = Some(i32::from(*code));
                row.exit_signal = Some(i32::from(*signal));
            }
            Body::Credentials { process, from, to } => {
                row.kind = text("credentials");
                row.process = id_text(*process);
                row.set_from(from);
                row.set_credentials(to);
            }
            Body::Login(login) => row.set_login(login),
            Body::Flow(flow) => row.set_flow(flow),
            Body::Loss { class, count, from } => {
                row.kind = text("loss");
                row.class = name(class);
                row.count = Some(*count as i64);
                row.set_times(*from, *from);
            }
            Body::Recorder { act, note } => {
                row.kind = text("recorder");
                row.act = name(act);
                row.note = text(note);
            }
            Body::Dns(dns) => row.set_dns(dns),
            Body::Targets(targets) => row.set_targets(targets),
            Body::Operation(operation) => {
                row.kind = text("operation");
                row.process = operation.process.and_then(id_text);
                row.operation = name(&operation.kind);
                row.detail = text(&operation.detail);
            }
        }
        row
    }

    /// A row as an event; none where it is not one.
    pub(super) fn event(self) -> Option<Event> {
        let (id, time) = (self.id? as u64, UnixNs(self.time?));
        let boot_ns = self.boot_ns.or(self.offset.map(|offset| time.0.wrapping_sub(offset)))? as u64;
        let body = match self.kind.as_deref()? {
            "process" => Body::Process(Box::new(self.process()?)),
            "fork" => Body::Fork { child: read_id(&self.process)?, parent: read_id(&self.parent)? },
            "exit" => Body::Exit {
                process: read_id(&self.process)?,
                code: u8::try_from(self.exit_code?).ok()?,
                signal: u8::try_from(self.exit_signal?).ok()?,
            },
            "credentials" => Body::Credentials {
                process: read_id(&self.process)?,
                from: self.from()?,
                to: self.credentials()?,
            },
            "login" => Body::Login(Box::new(self.login()?)),
            "flow" => Body::Flow(Box::new(self.flow()?)),
            "targets" => Body::Targets(Box::new(self.targets()?)),
            "loss" => {
                Body::Loss { class: read_name(&self.class)?, count: self.count? as u64, from: self.first()? }
            }
            "recorder" => Body::Recorder { act: read_name(&self.act)?, note: self.note? },
            "dns" => Body::Dns(Box::new(self.dns()?)),
            "operation" => Body::Operation(Box::new(Operation {
                process: read_id(&self.process),
                kind: read_name(&self.operation)?,
                detail: self.detail?,
            })),
            _ => return None,
        };
        Some(Event { id, time, boot_ns, body })
    }

    fn set_process(&mut self, process: &Process) {
        let flags = &process.flags;
        let bits = [
            flags.exe_deleted,
            flags.exe_memfd,
            flags.argv_truncated,
            flags.env_truncated,
            flags.path_truncated,
            flags.redacted,
        ];
        self.kind = text("process");
        self.process = id_text(process.id);
        self.parent = process.parent.and_then(id_text);
        self.seen = name(&process.seen);
        self.before_started_us = self.before_us(process.started);
        self.comm = text(&process.comm);
        self.exe = text(&process.exe);
        self.argv = Some(process.argv.clone());
        self.env = Some(process.env.clone());
        self.cwd = text(&process.cwd);
        self.cgroup = text(&process.cgroup);
        self.tty = process.tty.clone();
        self.user = process.user.clone();
        self.login_user = process.login_user.clone();
        if let Some(container) = &process.container {
            self.container_runtime = text(&container.runtime);
            self.container_id = text(&container.id);
            self.container_name.clone_from(&container.name);
            self.image.clone_from(&container.image);
            self.pod.clone_from(&container.pod);
        }
        self.script.clone_from(&process.script);
        self.mount_ns = Some(process.namespaces.mount as i32);
        self.net_ns = Some(process.namespaces.net as i32);
        self.pid_ns = Some(process.namespaces.pid as i32);
        self.user_ns = Some(process.namespaces.user as i32);
        self.exe_inode = Some(process.exe_inode as i64);
        self.flags = Some(bits.iter().enumerate().map(|(bit, set)| i64::from(*set) << bit).sum());
        self.set_credentials(&process.credentials);
    }

    fn process(self) -> Option<Process> {
        let bits = self.flags?;
        let started = self.at(self.started, None, self.before_started_us)?;
        let credentials = self.credentials()?;
        let container = self.container_id.map(|id| {
            Box::new(Container {
                runtime: self.container_runtime.unwrap_or_default(),
                id,
                name: self.container_name,
                image: self.image,
                pod: self.pod,
            })
        });
        Some(Process {
            id: read_id(&self.process)?,
            parent: read_id(&self.parent),
            seen: read_name(&self.seen)?,
            started,
            comm: self.comm?,
            exe: self.exe?,
            argv: self.argv?,
            env: self.env?,
            cwd: self.cwd?,
            credentials,
            user: self.user,
            login_user: self.login_user,
            tty: self.tty,
            cgroup: self.cgroup?,
            container,
            exe_inode: self.exe_inode? as u64,
            script: self.script,
            namespaces: Namespaces {
                mount: self.mount_ns.unwrap_or_default() as u32,
                net: self.net_ns.unwrap_or_default() as u32,
                pid: self.pid_ns.unwrap_or_default() as u32,
                user: self.user_ns.unwrap_or_default() as u32,
            },
            flags: ProcessFlags {
                exe_deleted: bits & 1 != 0,
                exe_memfd: bits & 2 != 0,
                argv_truncated: bits & 4 != 0,
                env_truncated: bits & 8 != 0,
                path_truncated: bits & 16 != 0,
                redacted: bits & 32 != 0,
            },
        })
    }

    fn set_credentials(&mut self, to: &Credentials) {
        self.uid = Some(to.uid as i32);
        self.euid = Some(to.euid as i32);
        self.gid = Some(to.gid as i32);
        self.egid = Some(to.egid as i32);
        self.suid = Some(to.suid as i32);
        self.sgid = Some(to.sgid as i32);
        self.fsuid = Some(to.fsuid as i32);
        self.fsgid = Some(to.fsgid as i32);
        self.login_uid = to.login_uid.map(|uid| uid as i32);
        self.session = to.session.map(|session| session as i32);
        self.capabilities = Some(to.capabilities as i64);
        self.groups = groups_text(&to.groups);
    }

    fn credentials(&self) -> Option<Credentials> {
        Some(Credentials {
            uid: self.uid? as u32,
            euid: self.euid? as u32,
            gid: self.gid? as u32,
            egid: self.egid? as u32,
            suid: self.suid.unwrap_or_default() as u32,
            sgid: self.sgid.unwrap_or_default() as u32,
            fsuid: self.fsuid.unwrap_or_default() as u32,
            fsgid: self.fsgid.unwrap_or_default() as u32,
            login_uid: self.login_uid.map(|uid| uid as u32),
            session: self.session.map(|session| session as u32),
            capabilities: self.capabilities? as u64,
            groups: read_groups(&self.groups)?,
        })
    }

    fn set_from(&mut self, from: &Credentials) {
        self.from_uid = Some(from.uid as i32);
        self.from_euid = Some(from.euid as i32);
        self.from_gid = Some(from.gid as i32);
        self.from_egid = Some(from.egid as i32);
        self.from_suid = Some(from.suid as i32);
        self.from_sgid = Some(from.sgid as i32);
        self.from_fsuid = Some(from.fsuid as i32);
        self.from_fsgid = Some(from.fsgid as i32);
        self.from_login_uid = from.login_uid.map(|uid| uid as i32);
        self.from_session = from.session.map(|session| session as i32);
        self.from_capabilities = Some(from.capabilities as i64);
        self.from_groups = groups_text(&from.groups);
    }

    fn from(&self) -> Option<Credentials> {
        Some(Credentials {
            uid: self.from_uid? as u32,
            euid: self.from_euid? as u32,
            gid: self.from_gid? as u32,
            egid: self.from_egid? as u32,
            suid: self.from_suid.unwrap_or_default() as u32,
            sgid: self.from_sgid.unwrap_or_default() as u32,
            fsuid: self.from_fsuid.unwrap_or_default() as u32,
            fsgid: self.from_fsgid.unwrap_or_default() as u32,
            login_uid: self.from_login_uid.map(|uid| uid as u32),
            session: self.from_session.map(|session| session as u32),
            capabilities: self.from_capabilities? as u64,
            groups: read_groups(&self.from_groups)?,
        })
    }

    fn set_login(&mut self, login: &Login) {
        self.kind = text("login");
        self.process = login.process.and_then(id_text);
        self.service = text(&login.service);
        self.user = text(&login.user);
        self.method = text(&login.method);
        self.accepted = Some(i32::from(login.accepted));
        self.remote_address = login.source_address.map(|address| address.to_string());
        self.remote_port = login.source_port.map(i32::from);
        self.key = login.key.clone();
        self.origin = text(&login.origin);
        self.by.clone_from(&login.by);
        self.service_session.clone_from(&login.session);
        self.command.clone_from(&login.command);
    }

    fn login(self) -> Option<Login> {
        Some(Login {
            service: self.service?,
            user: self.user?,
            method: self.method?,
            accepted: self.accepted? != 0,
            source_address: self.remote_address.and_then(|address| address.parse().ok()),
            source_port: self.remote_port.and_then(|port| u16::try_from(port).ok()),
            key: self.key,
            process: read_id(&self.process),
            origin: self.origin?,
            by: self.by,
            session: self.service_session,
            command: self.command,
        })
    }

    fn set_dns(&mut self, dns: &Dns) {
        self.kind = text("dns");
        self.process = dns.process.and_then(id_text);
        self.remote_address = dns.remote.map(|remote| remote.address.to_string());
        self.remote_port = dns.remote.map(|remote| i32::from(remote.port));
        self.dns_name = text(&dns.name);
        self.dns_kind = Some(i32::from(dns.kind));
        self.dns_code = Some(i32::from(dns.code));
        self.dns_flags = Some(i32::from(dns.sent) | i32::from(dns.answer) << 1);
        let addresses = dns.addresses.iter().map(ToString::to_string);
        self.dns_answers = Some(addresses.chain(dns.names.iter().cloned()).collect());
    }

    fn dns(self) -> Option<Dns> {
        let flags = self.dns_flags?;
        let mut dns = Dns {
            process: read_id(&self.process),
            remote: endpoint(&self.remote_address, self.remote_port),
            sent: flags & 1 != 0,
            answer: flags & 2 != 0,
            name: self.dns_name?,
            kind: u16::try_from(self.dns_kind?).ok()?,
            code: u8::try_from(self.dns_code?).ok()?,
            addresses: Vec::new(),
            names: Vec::new(),
        };
        // A name is never an address: its last label has a letter.
        for answer in self.dns_answers.unwrap_or_default() {
            match answer.parse() {
                Ok(address) => dns.addresses.push(address),
                Err(_) => dns.names.push(answer),
            }
        }
        Some(dns)
    }

    fn set_flow(&mut self, flow: &Flow) {
        self.kind = text("flow");
        self.process = flow.owner.and_then(id_text);
        self.sender = flow.sender.and_then(id_text);
        self.protocol = Some(i32::from(flow.protocol.0));
        self.via = name(&flow.via);
        self.direction = name(&flow.direction);
        self.state = name(&flow.state);
        self.local_address = Some(flow.local.address.to_string());
        self.local_port = Some(i32::from(flow.local.port));
        self.remote_address = Some(flow.remote.address.to_string());
        self.remote_port = Some(i32::from(flow.remote.port));
        self.packets = Some(flow.packets as i64);
        self.bytes = Some(flow.bytes as i64);
        self.bytes_received = Some(flow.bytes_received as i64);
        self.tcp_flags = Some(i32::from(flow.tcp_flags));
        self.set_times(flow.first, flow.last);
    }

    /// Both are near the time of the event.
    fn set_times(&mut self, first: UnixNs, last: UnixNs) {
        (self.before_first_us, self.before_last_us) = (self.before_us(first), self.before_us(last));
    }

    /// How long before the event something was.
    fn before_us(&self, at: UnixNs) -> Option<i64> {
        self.time.map(|time| (time.wrapping_sub(at.0)).div_euclid(1_000))
    }

    fn first(&self) -> Option<UnixNs> {
        self.at(self.first, self.before_first, self.before_first_us)
    }

    fn last(&self) -> Option<UnixNs> {
        self.at(self.last, self.before_last, self.before_last_us)
    }

    /// A time that stands there itself, or by how long before the event it was.
    fn at(&self, at: Option<i64>, before_ns: Option<i64>, before_us: Option<i64>) -> Option<UnixNs> {
        let before =
            || Some(self.time?.wrapping_sub(before_ns.or(before_us.map(|us| us.wrapping_mul(1_000)))?));
        at.or_else(before).map(UnixNs)
    }

    fn flow(self) -> Option<Flow> {
        Some(Flow {
            owner: read_id(&self.process),
            sender: read_id(&self.sender),
            protocol: Protocol(u8::try_from(self.protocol?).ok()?),
            via: read_name(&self.via)?,
            direction: read_name(&self.direction)?,
            state: read_name(&self.state)?,
            local: endpoint(&self.local_address, self.local_port)?,
            remote: endpoint(&self.remote_address, self.remote_port)?,
            packets: self.packets? as u64,
            bytes: self.bytes? as u64,
            bytes_received: self.bytes_received? as u64,
            tcp_flags: u8::try_from(self.tcp_flags?).ok()?,
            first: self.first()?,
            last: self.last()?,
        })
    }

    fn set_targets(&mut self, targets: &Targets) {
        let remotes = targets.remotes.endpoints();
        self.set_flow(&targets.flow(targets.local));
        self.kind = text("targets");
        (self.remote_address, self.remote_port) = (None, None);
        self.local_port_last = Some(i32::from(targets.local_port_last));
        self.targets_count = i32::try_from(remotes.len()).ok();
        self.targets = Some(targets.remotes.as_bytes().to_vec());
    }

    fn targets(mut self) -> Option<Targets> {
        let remotes = EndpointSet::from_bytes(self.targets.take()?)?;
        let local_port_last = u16::try_from(self.local_port_last?).ok()?;
        self.remote_address.clone_from(&self.local_address);
        self.remote_port = self.local_port;
        let flow = self.flow()?;
        Some(Targets {
            owner: flow.owner,
            sender: flow.sender,
            protocol: flow.protocol,
            via: flow.via,
            direction: flow.direction,
            state: flow.state,
            local: flow.local,
            local_port_last,
            packets: flow.packets,
            bytes: flow.bytes,
            bytes_received: flow.bytes_received,
            tcp_flags: flow.tcp_flags,
            first: flow.first,
            last: flow.last,
            remotes,
        })
    }
}

fn endpoint(address: &Option<String>, port: Option<i32>) -> Option<Endpoint> {
    Some(Endpoint { address: address.as_deref()?.parse().ok()?, port: u16::try_from(port?).ok()? })
}

fn groups_text(groups: &Groups) -> Option<String> {
    (!groups.is_empty()).then(|| groups.to_string())
}

fn read_groups(text: &Option<String>) -> Option<Groups> {
    text.as_deref().unwrap_or_default().parse().ok()
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn id_text(id: ProcessId) -> Option<String> {
    Some(id.to_string())
}

fn read_id(text: &Option<String>) -> Option<ProcessId> {
    text.as_deref()?.parse().ok()
}

/// The name serde gives a variant without fields.
fn name<T: Serialize>(variant: &T) -> Option<String> {
    match serde_json::to_value(variant) {
        Ok(serde_json::Value::String(name)) => Some(name),
        _ => None,
    }
}

fn read_name<T: DeserializeOwned>(name: &Option<String>) -> Option<T> {
    let name: StrDeserializer<'_, serde::de::value::Error> = name.as_deref()?.into_deserializer();
    T::deserialize(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn every_kind_of_event_survives_its_row() {
        for event in testing::events(32) {
            assert_eq!(Row::of(&event).event().as_ref(), Some(&event));
        }
    }

    #[test]
    fn all_columns_are_documented() {
        let documentation = include_str!("columns.rs").lines().take_while(|line| line.starts_with("//!"));
        let documentation: String = documentation.collect();
        for (name, _) in COLUMNS {
            let in_range = [
                "uid",
                "euid",
                "gid",
                "egid",
                "suid",
                "sgid",
                "fsuid",
                "fsgid",
                "login_uid",
                "session",
                "capabilities",
            ]
            .iter()
            .any(|range| name.trim_start_matches("from_") == *range)
                || name.starts_with("local_")
                || name.starts_with("remote_");
            assert!(in_range || documentation.contains(&format!("`{name}`")), "{name} is not documented");
        }
    }
}
