//! Tables in texts: CSV, pipes, tabs, columns of blanks; a header row says what each column is.

use std::net::IpAddr;

use super::activity;
use super::address;
use super::heading::Heading;
use super::label;
use super::label::Kind;
use super::label::Meaning;
use super::label::Role;
use super::lines::Line;
use super::pattern::fold;
use super::record::Record;
use super::record::protocol;
use super::resource;
use super::sentence;
use super::time::Finder;
use super::time::Precision;
use super::time::Stamp;
use super::time::epoch;
use super::time::zone_of_name;
use super::verdict;
use super::verdict::Verdict;
use super::vocabulary;

/// How the cells of a row are separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Separator {
    /// This character; quotes protect it.
    Char(char),
    /// Two blanks or more.
    Blanks,
    /// One blank or more; cells are then told apart by what they look like.
    Words,
}

/// A header row: what each column holds.
#[derive(Debug)]
pub(super) struct Header {
    separator: Separator,
    columns: Vec<Column>,
    /// The column of the addresses that all rows are about, where a later one holds whom those spoke to.
    subject: Option<usize>,
    /// What stands above it.
    heading: Option<Heading>,
}

#[derive(Debug)]
struct Column {
    name: String,
    meaning: Meaning,
}

impl Column {
    /// It holds addresses of the other side.
    fn is_remote(&self) -> bool {
        self.meaning.kind == Kind::Address && label::holds(&self.name, vocabulary::REMOTE)
    }

    /// "Local" before "Address", "Source" before "Port": two words of one name.
    fn is_adjective_of(&self, next: &Self) -> bool {
        let noun = matches!(next.meaning.kind, Kind::Address | Kind::Port) && next.meaning.role.is_none();
        noun && self.meaning.role.is_some()
            && !label::holds(&self.name, vocabulary::ADDRESS | vocabulary::PORT)
    }

    fn absorb(&mut self, next: &Self) {
        self.name = format!("{} {}", self.name, next.name);
        self.meaning = label::meaning(&self.name);
    }
}

/// Returns the first column of addresses where it is called nothing but "ip", and another one "remote".
fn subject_of(columns: &[Column]) -> Option<usize> {
    let first = columns.iter().position(|column| column.meaning.kind == Kind::Address)?;
    let words = label::words(&columns[first].name);
    let is_plain = words == ["ip"] || words == ["ip", "address"] || words == ["infected", "ip"];
    (is_plain && columns.iter().any(Column::is_remote)).then_some(first)
}

impl Header {
    /// Reads a line as a header row.
    pub fn read(line: &Line<'_>) -> Option<Self> {
        if !line.spots.is_empty() || !line.stamps.is_empty() || line.text.len() > 2000 {
            return None;
        }
        let told = ["ormat: ", "ields: ", "olumns: "]
            .iter()
            .find_map(|word| line.text.split_once(word).map(|(_, rest)| rest));
        let text = told
            .unwrap_or(line.text)
            .trim()
            .trim_start_matches("Fields:")
            .trim_start_matches("fields\t")
            .trim_start_matches("Format:");
        let text = text.trim_start_matches(['#', '*', ' ']).trim_start_matches("Format:").trim();
        // "Firewall log (UTC):" introduces lines and "host: sensor-4" is a field; neither names columns.
        let is_field = told.is_none() && text.split_whitespace().any(|word| word.ends_with(':'));
        [
            Separator::Char(','),
            Separator::Char(';'),
            Separator::Char('|'),
            Separator::Char('\t'),
            Separator::Blanks,
            Separator::Words,
        ]
        .into_iter()
        .filter(|separator| !is_field || !matches!(separator, Separator::Words | Separator::Blanks))
        .find_map(|separator| Self::with(text, separator))
    }

    fn with(text: &str, separator: Separator) -> Option<Self> {
        let mut columns: Vec<Column> = Vec::new();
        for name in cells(text, separator) {
            let column = Column { meaning: meaning_of_column(&name), name };
            match columns.last_mut() {
                Some(last) if separator == Separator::Words && last.is_adjective_of(&column) => {
                    last.absorb(&column)
                }
                _ => columns.push(column),
            }
        }
        let named = |kind: Kind| columns.iter().filter(|column| column.meaning.kind == kind).count();
        let known = columns.iter().filter(|column| column.meaning.kind != Kind::Other).count();
        let has_value = columns.iter().any(|column| column.name.parse::<f64>().is_ok());
        let short = !has_value
            && columns
                .iter()
                .all(|column| column.name.len() <= 40 && column.name.split_whitespace().count() <= 4);
        let spelled = columns
            .iter()
            .filter(|it| it.meaning.kind == Kind::Address && label::holds(&it.name, vocabulary::ADDRESS))
            .count();
        let is_flow = spelled >= 2 && known * 2 >= columns.len();
        let all_known = separator != Separator::Words || known + 1 >= columns.len() || is_flow;
        let is_header = columns.len() >= 2 && known >= 2 && named(Kind::Address) >= 1 && short && all_known;
        is_header.then(|| Self { separator, subject: subject_of(&columns), columns, heading: None })
    }

    /// Puts it under a heading, which counts where no column of it says whose the addresses are.
    pub fn under(mut self, heading: Option<Heading>) -> Self {
        let has_roles = self.has_role(Role::Accused) || self.has_role(Role::Victim);
        self.heading = heading.filter(|_| !has_roles);
        self
    }

    /// Returns the zone that the name of a time column states.
    pub fn zone(&self) -> Option<super::time::Zone> {
        let times =
            self.columns.iter().filter(|column| matches!(column.meaning.kind, Kind::Time | Kind::OtherTime));
        times.filter_map(|column| zone_of_name(&column.name)).next()
    }

    /// Reads a line as a row under this header.
    pub fn row(&self, line: &Line<'_>, day: &str) -> Option<Record> {
        if line.spots.is_empty() || self.heading == Some(Heading::Cleared) {
            return None;
        }
        let mut row = self.plain_row(line, day)?;
        if self.heading == Some(Heading::Of(Role::Victim)) && row.target.is_none() {
            row.turn();
        }
        Some(row)
    }

    fn plain_row(&self, line: &Line<'_>, day: &str) -> Option<Record> {
        match self.separator {
            Separator::Words => self.row_of_words(line),
            separator => {
                let cells = cells(line.text.trim(), separator);
                let missing = self.columns.len().checked_sub(cells.len());
                match (missing, separator) {
                    (Some(0..=2), _) => self.row_of_cells(line, &cells, day),
                    (None, _) | (_, Separator::Blanks) if self.fits(line) => self.row_of_words(line),
                    _ => None,
                }
            }
        }
    }

    /// Says whether a row holds as many addresses as the header names, whatever its other cells.
    fn fits(&self, line: &Line<'_>) -> bool {
        let named = self.columns.iter().filter(|it| it.meaning.kind == Kind::Address).count();
        line.spots.len() == named || self.separator == Separator::Blanks
    }

    /// Says whether a cell of a row clears whom the row names: "normal API use".
    pub fn clears(&self, line: &Line<'_>) -> bool {
        let is_words = |cell: &str| {
            cell.len() <= VERDICT_BYTES_MAX
                && cell.chars().all(|it| it.is_alphabetic() || " -,()'".contains(it))
        };
        let is_verdict = |column: &Column| {
            matches!(column.meaning.kind, Kind::Other | Kind::Activity) && !is_degree(&column.name)
        };
        self.separator != Separator::Words
            && self.columns.iter().zip(cells(line.text.trim(), self.separator)).any(|(column, cell)| {
                is_verdict(column)
                    && (is_words(&cell) && sentence::clears(&cell)
                        || verdict::of_field(&column.name, &cell) == Some(Verdict::Ordinary))
            })
    }

    /// Says whether a remark in a row may speak up for whom the row names.
    pub fn speaks_up(&self, line: &Line<'_>) -> bool {
        let cells = || self.columns.iter().zip(cells(line.text.trim(), self.separator));
        self.separator != Separator::Words
            && cells().any(|(column, cell)| verdict::may_speak_up(&column.name, &cell))
    }

    /// Says whether rows must follow at once, because the header might be a mere sentence.
    pub fn is_loose(&self) -> bool {
        matches!(self.separator, Separator::Words | Separator::Blanks)
    }

    fn has_role(&self, role: Role) -> bool {
        self.columns
            .iter()
            .any(|column| column.meaning.kind == Kind::Address && column.meaning.role == Some(role))
    }

    fn row_of_cells(&self, line: &Line<'_>, cells: &[String], day: &str) -> Option<Record> {
        let mut record = Record::default();
        let mut day = day.to_owned();
        // Beside an instance, "remote" is whom that talked to.
        let instance = cells.iter().find_map(|cell| resource::instances(cell).into_iter().next());
        for (index, (column, cell)) in self.columns.iter().zip(cells).enumerate() {
            let cell = cell.trim();
            match column.meaning.kind {
                Kind::Address if instance.is_some() && column.is_remote() => {
                    record.target = address::find(cell).into_iter().find_map(|spot| spot.ip);
                    record.source_instance = instance.clone().map(|(_, id)| id);
                }
                Kind::Address if self.subject.is_some() && column.is_remote() => {
                    record.target = address::find(cell).into_iter().find_map(|spot| spot.ip);
                }
                Kind::Address if self.subject == Some(index) => {
                    record.source = address::find(cell).into_iter().find_map(|spot| spot.ip);
                }
                Kind::Address => self.take_address(&mut record, column, cell),
                Kind::Port => self.take_port(&mut record, index, cell),
                Kind::Protocol => record.protocol = protocol(cell),
                Kind::Time => self.take_time(&mut record, line, column, &mut day, cell),
                Kind::OtherTime if record.stamps.is_empty() && !self.has_time() => {
                    take_time(&mut record, line, &mut day, cell);
                }
                Kind::Activity | Kind::Service if record.activity.is_none() => {
                    record.activity = activity::of_name(cell)
                }
                _ => {
                    if record.activity.is_none()
                        && ["report", "tag", "name", "category"]
                            .contains(&column.name.to_lowercase().as_str())
                    {
                        let is_tag = ["tag", "name"].contains(&column.name.to_lowercase().as_str());
                        record.activity =
                            if is_tag { activity::of_words(cell) } else { activity::of_name(cell) };
                    }
                }
            }
        }
        self.settle_plain(&mut record, cells);
        if record.source.is_some() && record.target.is_none() {
            record.target = self.in_nameless_column(&record, cells);
        }
        (record.source.is_some() || record.target.is_some()).then_some(record)
    }

    /// Where a column of another's name holds no address ("hostname_source"), a plain one is the source's.
    fn settle_plain(&self, record: &mut Record, cells: &[String]) {
        let held = |role| {
            self.columns.iter().zip(cells).any(|(column, cell)| {
                let own = column.meaning.kind == Kind::Address && column.meaning.role == Some(role);
                own && !address::find(cell).is_empty()
            })
        };
        if record.source.is_none()
            && record.source_instance.is_none()
            && !held(Role::Accused)
            && !self.has_role(Role::Victim)
        {
            record.source = record.target.take();
            let port = record.target_port.take();
            record.source_port = record.source_port.or(port);
        }
    }

    /// Beside the source, an address under a head that says nobody's part, or "remote", is the other side.
    fn in_nameless_column(&self, record: &Record, cells: &[String]) -> Option<IpAddr> {
        let is_nameless = |column: &Column| {
            column.meaning.kind == Kind::Other && column.meaning.role.is_none() || column.is_remote()
        };
        let named = self.columns.iter().zip(cells).filter(|(column, _)| is_nameless(column));
        let whole = named.filter_map(|(_, cell)| {
            let [spot] = &address::find(cell)[..] else { return None };
            (spot.start == 0 && spot.end == cell.len() && !spot.is_network()).then_some(spot.ip?)
        });
        let mut others = whole.filter(|ip| Some(*ip) != record.source);
        let only = others.next()?;
        others.next().is_none().then_some(only)
    }

    fn has_time(&self) -> bool {
        self.columns.iter().any(|column| column.meaning.kind == Kind::Time)
    }

    /// The first time column tells when; later ones only where they are ends of a span, one of two, or the clock of a
    /// date.
    fn take_time(&self, record: &mut Record, line: &Line<'_>, column: &Column, day: &mut String, cell: &str) {
        let are_two = || self.columns.iter().filter(|it| it.meaning.kind == Kind::Time).count() == 2;
        if record.stamps.is_empty() || !day.is_empty() || is_end(&column.name) || are_two() {
            take_time(record, line, day, cell);
        }
    }

    fn take_address(&self, record: &mut Record, column: &Column, cell: &str) {
        let Some(spot) = address::find(cell).into_iter().next().filter(|spot| spot.ip.is_some()) else {
            if column.meaning.role != Some(Role::Victim) && is_host_name(cell) {
                record.source_host.get_or_insert_with(|| cell.to_ascii_lowercase());
            }
            return;
        };
        let role = column.meaning.role.unwrap_or_else(|| self.role_of_plain());
        match role {
            Role::Accused if record.source.is_none() => {
                record.source = spot.ip;
                record.source_port = spot.port.or(record.source_port);
            }
            Role::Victim if record.target.is_none() && !spot.is_network() => {
                record.target = spot.ip;
                record.target_port = spot.port.or(record.target_port);
            }
            _ => {}
        }
    }

    /// A column named "ip" alone is the accused's, unless another column is.
    fn role_of_plain(&self) -> Role {
        if self.has_role(Role::Accused) && !self.has_role(Role::Victim) {
            Role::Victim
        } else {
            Role::Accused
        }
    }

    fn take_port(&self, record: &mut Record, index: usize, cell: &str) {
        let Ok(port) = cell.parse() else { return };
        let of_source = match self.columns[index].meaning.role {
            Some(role) => role == Role::Accused,
            None => self.plain_port_is_of_source(index),
        };
        if of_source {
            record.source_port = Some(port);
        } else {
            record.target_port.get_or_insert(port);
        }
    }

    /// A column named "port" alone belongs to the address before it, where there are several; a
    /// single one is the target's, unless there is no target.
    fn plain_port_is_of_source(&self, index: usize) -> bool {
        let ports = self.columns.iter().filter(|it| it.meaning.kind == Kind::Port).count();
        if ports < 2 {
            return !self.has_role(Role::Accused) && !self.has_role(Role::Victim);
        }
        let before = self.columns[..index].iter().rfind(|it| it.meaning.kind == Kind::Address);
        before.is_some_and(|it| it.meaning.role.unwrap_or_else(|| self.role_of_plain()) == Role::Accused)
    }

    /// Columns of single blanks: addresses come in the header's order, ports likewise.
    fn row_of_words(&self, line: &Line<'_>) -> Option<Record> {
        let words = line.text.split_whitespace().take(self.columns.len()).count();
        if words * 2 < self.columns.len() {
            return None;
        }
        let mut record = Record { stamps: line.stamps.clone(), ..Record::default() };
        // A column of instance ids holds no address.
        let holds_ids = resource::instances(line.text).into_iter().next().is_some();
        let is_id = |column: &Column| {
            holds_ids
                && label::words(&column.name)
                    .iter()
                    .any(|word| word.starts_with("instance") || word == "resource")
        };
        let addresses =
            self.columns.iter().filter(|column| column.meaning.kind == Kind::Address && !is_id(column));
        for (column, spot) in addresses.zip(&line.spots) {
            match column.meaning.role.unwrap_or_else(|| self.role_of_plain()) {
                Role::Accused if record.source.is_none() => {
                    record.source = spot.ip;
                    record.source_port = spot.port;
                }
                Role::Victim if record.target.is_none() && !spot.is_network() => {
                    record.target = spot.ip;
                    record.target_port = spot.port;
                }
                _ => {}
            }
        }
        let numbers = words_outside(line).filter(|word| word.parse::<u16>().is_ok_and(|port| port > 0));
        let ports = (0..self.columns.len()).filter(|index| self.columns[*index].meaning.kind == Kind::Port);
        for (index, number) in ports.zip(numbers) {
            self.take_port(&mut record, index, number);
        }
        record.protocol = words_outside(line).find_map(protocol);
        (record.source.is_some() || record.target.is_some()).then_some(record)
    }
}

/// A longer cell is no verdict.
const VERDICT_BYTES_MAX: usize = 40;

/// A "normal" severity clears nobody.
fn is_degree(name: &str) -> bool {
    const DEGREES: [&str; 5] = ["severity", "priority", "level", "urgency", "risk"];
    label::words(name).iter().any(|word| DEGREES.contains(&word.as_str()))
}

/// Says whether a column is one end of a span.
fn is_end(name: &str) -> bool {
    let ends = [
        "first",
        "last",
        "latest",
        "earliest",
        "start",
        "end",
        "begin",
        "stop",
        "from",
        "to",
        "until",
        "started",
        "ended",
        "baslangic",
        "bitis",
        "beginn",
        "ende",
        "debut",
        "fin",
        "inicio",
        "inizio",
        "einde",
        "slut",
        "poczatek",
        "koniec",
        "zacatek",
        "konec",
        "von",
        "bis",
    ];
    label::words(&fold(name))
        .iter()
        .any(|word| ends.iter().any(|end| word == end || word.strip_suffix("time") == Some(end)))
}

/// Adds the times of a cell; a clock alone is of the day that an earlier cell told.
fn take_time(record: &mut Record, line: &Line<'_>, day: &mut String, cell: &str) {
    if let Some(stamp) = epoch(cell) {
        record.stamps.push(stamp);
        return;
    }
    // Most cells of times hold one, which was found with the line's.
    if day.is_empty()
        && let Some(stamp) = line.stamp_of(cell)
    {
        record.stamps.push(stamp);
        return;
    }
    let mut stamps: Vec<Stamp> = Finder.find(cell);
    if stamps.is_empty() && !day.is_empty() {
        stamps = Finder.find(&format!("{day} {cell}"));
        let is_bare_day = record.stamps.last().is_some_and(|it| it.precision == Precision::Day);
        if !stamps.is_empty() && is_bare_day {
            record.stamps.pop();
        }
    }
    if stamps.len() == 1 && stamps[0].precision == Precision::Day {
        *day = cell.to_owned();
    }
    record.stamps.extend(stamps);
}

/// Returns the words of a line that are part of no address and no time.
fn words_outside<'a>(line: &'a Line<'_>) -> impl Iterator<Item = &'a str> {
    let text = line.text;
    text.split(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ';' | '|' | '(' | ')' | '"'))
        .filter(move |word| {
            let at = word.as_ptr() as usize - text.as_ptr() as usize;
            let taken = |start: usize, end: usize| at < end && start < at + word.len();
            !word.is_empty()
                && !line.spots.iter().any(|spot| taken(spot.start, spot.end))
                && !line.stamps.iter().any(|stamp| taken(stamp.start, stamp.end))
        })
}

fn cells(text: &str, separator: Separator) -> Vec<String> {
    match separator {
        Separator::Char(letter) if text.contains(letter) => split_quoted(text, letter),
        Separator::Char(_) => Vec::new(),
        Separator::Blanks => {
            text.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
        }
        Separator::Words => text
            .split_whitespace()
            .filter(|word| word.chars().any(char::is_alphanumeric))
            .map(str::to_owned)
            .collect(),
    }
}

fn split_quoted(text: &str, separator: char) -> Vec<String> {
    let trimmed = if separator == '|' { text.trim().trim_matches('|') } else { text };
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for letter in trimmed.chars() {
        if letter == '"' {
            quoted = !quoted;
        } else if letter == separator && !quoted {
            cells.push(String::new());
        } else if let Some(cell) = cells.last_mut() {
            cell.push(letter);
        }
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

fn is_host_name(text: &str) -> bool {
    text.contains('.')
        && text.len() <= 253
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        && text
            .rsplit('.')
            .next()
            .is_some_and(|last| last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_alphabetic()))
        && text.parse::<IpAddr>().is_err()
}

/// Returns what the head of a column means. Lists of indicators put addresses under "Value".
fn meaning_of_column(name: &str) -> Meaning {
    const VALUES: [&str; 9] =
        ["value", "indicator", "observable", "ioc", "entity", "wert", "valor", "valeur", "valore"];
    let meaning = label::meaning(name);
    let is_value = VALUES.contains(&name.trim().to_ascii_lowercase().as_str());
    if is_value && meaning.kind == Kind::Other {
        return Meaning { kind: Kind::Address, ..meaning };
    }
    meaning
}

#[cfg(test)]
mod tests {
    use super::super::document::Section;
    use super::super::document::SectionRole;
    use super::super::lines;
    use super::Header;

    fn check(text: &str, expect: &[&str]) {
        let sections = [Section { role: SectionRole::Body, name: "body".to_owned(), text: text.to_owned() }];
        let lines = lines::cut(&sections);
        let header = Header::read(&lines[0]).expect("a header");
        let rows: Vec<String> = lines[1..]
            .iter()
            .filter_map(|line| header.row(line, ""))
            .map(|row| {
                let end = |ip: Option<std::net::IpAddr>, port: Option<u16>| {
                    format!("{}:{}", ip.map_or("-".to_owned(), |ip| ip.to_string()), port.unwrap_or(0))
                };
                let time = row.stamps.first().map_or("-".to_owned(), |stamp| stamp.civil.to_string());
                format!("{time} {} {}", end(row.source, row.source_port), end(row.target, row.target_port))
            })
            .collect();
        assert_eq!(rows, expect, "{text}");
    }

    #[test]
    fn reads_tables() {
        check(
            "\"timestamp\",\"src_ip\",\"src_port\",\"dst_ip\",\"dst_port\"\n\"2024-01-15 10:00:00\",\"192.0.2.1\",4242,\"198.51.100.7\",22",
            &["2024-01-15T10:00:00 192.0.2.1:4242 198.51.100.7:22"],
        );
        check(
            "time                protocol src_ip src_port    dest_ip dest_port\nMon Jan 15 10:00:00 2024 TCP 192.0.2.1 4242 => 198.51.100.7 22",
            &["2024-01-15T10:00:00 192.0.2.1:4242 198.51.100.7:22"],
        );
        check(
            "Date\tSource IP\tTarget IP\n2024-01-15 10:00:00\t192.0.2.1\t198.51.100.0/24",
            &["2024-01-15T10:00:00 192.0.2.1:0 -:0"],
        );
        check(
            "report|ip|asn|timestamp\nproxy|192.0.2.1|64496|2024-01-15 10:00:00",
            &["2024-01-15T10:00:00 192.0.2.1:0 -:0"],
        );
        check(
            "event_date,event_time,src_ip\n2024-01-15,10:00:00,192.0.2.1",
            &["2024-01-15T10:00:00 192.0.2.1:0 -:0"],
        );
        check(
            "#Fields: date time s-ip s-port c-ip\n2024-01-15 10:00:00 198.51.100.7 443 192.0.2.1",
            &["2024-01-15T10:00:00 192.0.2.1:0 198.51.100.7:443"],
        );
    }

    #[test]
    fn takes_no_field_for_a_header() {
        for text in ["Firewall log (UTC):", "host: sensor-4", "observer type: ids"] {
            let sections =
                [Section { role: SectionRole::Body, name: "body".to_owned(), text: text.to_owned() }];
            assert!(Header::read(&lines::cut(&sections)[0]).is_none(), "{text}");
        }
    }
}
