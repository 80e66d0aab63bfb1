//! What other replicas saw of addresses: facts in the table of cases, beside each replica's own ledger.
//!
//! An event lands on one replica, and a hole in one's looks is none in another's. So each writes down what it hears of
//! an event, and what its sweeps saw change; who locates an address reads the facts about it into its own ledger first,
//! where late, repeated and reordered facts only narrow what is uncertain. What a sweep sees unchanged is not written:
//! every replica sees that for itself, and in which time each looked without a hole stands under `LOOKS`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use super::ledger::HOLE_MS;
use super::ledger::Held;
use super::ledger::Holding;
use super::ledger::Ledger;
use super::ledger::LedgerError;
use crate::case::store::DynamoStore;
use crate::case::store::StoreError;

/// Facts about one address or holder that are read, the latest.
const FACTS_MAX: usize = 2_000;

/// Replicas whose looks are read, the latest.
const REPLICAS_MAX: usize = 50;

/// Holders of one address about which more is read.
const HOLDERS_MAX: usize = 16;

/// A fact about an address. Times are milliseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Fact {
    /// An event: somebody got it.
    Begun { place: String, at: i64, holder: String },
    /// An event: somebody gave it up.
    Ended { place: String, at: i64 },
    /// A sweep: who held it, and how exactly that is known.
    Held {
        place: String,
        holder: String,
        not_before: Option<i64>,
        first_seen: i64,
        last_seen: i64,
        ended: Option<i64>,
    },
}

/// A fact about a holder: it gave up all addresses but these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stopped {
    place: String,
    at: i64,
    kept: Vec<IpAddr>,
}

/// In which time a replica looked at each place without a hole: first and last look.
type Spans = HashMap<String, (i64, i64)>;

/// The facts, and this replica's part in them.
#[derive(Debug, Clone)]
pub struct SharedLedger {
    table: Arc<DynamoStore>,
    ledger: Ledger,
    /// Begins with the time of its start, so that the latest replicas sort last.
    me: Arc<str>,
    spans: Arc<Mutex<Spans>>,
}

/// What others know could not be read into the ledger, or ours not be told.
#[derive(Debug, thiserror::Error)]
pub enum SharedError {
    /// The table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The thread that talks to the ledger ended.
    #[error("the address ledger's call did not end")]
    Interrupted,
}

impl SharedLedger {
    /// Shares this ledger over this table.
    pub fn new(table: Arc<DynamoStore>, ledger: Ledger) -> Self {
        let me = format!("{:015}#{:016x}", Timestamp::now().as_millisecond(), fastrand::u64(..));
        Self { table, ledger, me: me.into(), spans: Arc::default() }
    }

    /// Tells that an address was given to somebody.
    pub async fn begun(&self, place: &str, at: Timestamp, holding: &Holding) -> Result<(), SharedError> {
        let at = at.as_millisecond();
        let fact = Fact::Begun { place: place.to_owned(), at, holder: holding.holder.clone() };
        self.tell(holding.address, at, &fact).await
    }

    /// Tells that an address was given up.
    pub async fn ended(&self, place: &str, at: Timestamp, address: IpAddr) -> Result<(), SharedError> {
        let at = at.as_millisecond();
        self.tell(address, at, &Fact::Ended { place: place.to_owned(), at }).await
    }

    /// Tells that a holder gave up all addresses but those that it kept.
    pub async fn stopped(
        &self,
        place: &str,
        at: Timestamp,
        holder: &str,
        kept: &[IpAddr],
    ) -> Result<(), SharedError> {
        let at = at.as_millisecond();
        let fact = Stopped { place: place.to_owned(), at, kept: kept.to_vec() };
        let name = format!("{at:015}#{place}");
        Ok(self.table.put_fact(&about_holder(holder), &name, &written(&fact)).await?)
    }

    /// Tells what allocations and associations stand for.
    pub async fn named(&self, names: &[String], address: IpAddr) -> Result<(), SharedError> {
        for name in names {
            self.table.put_fact(&about_name(name), "NAME", &address.to_string()).await?;
        }
        Ok(())
    }

    /// What an allocation or association stands for, as another replica heard it.
    pub async fn recall(&self, name: &str) -> Result<Option<IpAddr>, SharedError> {
        let facts = self.table.facts(&about_name(name), 1).await?;
        Ok(facts.first().and_then(|text| text.parse().ok()))
    }

    /// Tells what a look at a place saw change. What could not be told makes this replica's looks begin anew.
    pub async fn looked(&self, place: &str, at: Timestamp, changed: &[Held]) -> Result<(), SharedError> {
        let told = self.tell_changes(changed).await;
        let now = at.as_millisecond();
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        match &told {
            Ok(()) => {
                let span = spans.entry(place.to_owned()).or_insert((now, now));
                let begins_anew = now - span.1 > HOLE_MS;
                *span = if begins_anew { (now, now) } else { (span.0, now) };
            }
            Err(_) => drop(spans.remove(place)),
        }
        told
    }

    async fn tell_changes(&self, changed: &[Held]) -> Result<(), SharedError> {
        for held in changed {
            let first_seen = held.first_seen.as_millisecond();
            let fact = Fact::Held {
                place: held.place.clone(),
                holder: held.holder.clone(),
                not_before: held.not_before.map(Timestamp::as_millisecond),
                first_seen,
                last_seen: held.last_seen.as_millisecond(),
                ended: held.ended.map(Timestamp::as_millisecond),
            };
            self.tell(held.address, first_seen, &fact).await?;
        }
        Ok(())
    }

    /// Tells in which time this replica looked, once a round, after the changes of that round.
    pub async fn tell_looks(&self) -> Result<(), SharedError> {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(self.table.put_fact("LOOKS", &self.me, &written(&spans)).await?)
    }

    async fn tell(&self, address: IpAddr, at: i64, fact: &Fact) -> Result<(), SharedError> {
        let (kind, place, holder) = match fact {
            Fact::Begun { place, holder, .. } => ("begun", place, holder.as_str()),
            Fact::Ended { place, .. } => ("ended", place, ""),
            Fact::Held { place, holder, .. } => ("held", place, holder.as_str()),
        };
        let name = format!("{at:015}#{kind}#{place}#{holder}");
        Ok(self.table.put_fact(&about(address), &name, &written(fact)).await?)
    }

    /// Reads into the ledger what others know of an address, and of who holds it.
    pub async fn learn(&self, address: IpAddr) -> Result<(), SharedError> {
        let facts = read_all::<Fact>(self.table.facts(&about(address), FACTS_MAX).await?);
        let holders = self.with_ledger(move |ledger| {
            // As they happened: the oldest first.
            for fact in facts.iter().rev() {
                apply(ledger, address, fact)?;
            }
            ledger.holding_now(address)
        });
        for (holder, place) in holders.await?.into_iter().take(HOLDERS_MAX) {
            let told = read_all::<Stopped>(self.table.facts(&about_holder(&holder), FACTS_MAX).await?);
            let here = told.into_iter().filter(move |stopped| stopped.place == place);
            let stops: Vec<Stopped> = here.collect();
            let end = move |ledger: &Ledger| {
                for stopped in stops.iter().rev() {
                    ledger.end_all(&stopped.place, time(stopped.at), &holder, &stopped.kept)?;
                }
                Ok(())
            };
            self.with_ledger(end).await?;
        }
        Ok(())
    }

    /// Whether each of these places was looked at without a hole in a time, by one replica or another.
    pub async fn saw(&self, places: &[String], from: Timestamp, to: Timestamp) -> Result<bool, SharedError> {
        let looks = read_all::<Spans>(self.table.facts("LOOKS", REPLICAS_MAX).await?);
        let (from, to) = (from.as_millisecond(), to.as_millisecond());
        let covers = |spans: &Spans, place: &String| {
            spans.get(place).is_some_and(|(first, last)| *first <= from && *last >= to)
        };
        Ok(places.iter().all(|place| looks.iter().any(|spans| covers(spans, place))))
    }

    async fn with_ledger<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Ledger) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, SharedError> {
        let ledger = self.ledger.clone();
        let done = tokio::task::spawn_blocking(move || act(&ledger)).await;
        Ok(done.map_err(|_| SharedError::Interrupted)??)
    }
}

fn apply(ledger: &Ledger, address: IpAddr, fact: &Fact) -> Result<(), LedgerError> {
    match fact {
        Fact::Begun { place, at, holder } => {
            ledger.begin(place, time(*at), &Holding { address, holder: holder.clone() })
        }
        Fact::Ended { place, at } => ledger.end(place, time(*at), address),
        Fact::Held { place, holder, not_before, first_seen, last_seen, ended } => ledger.saw(&Held {
            place: place.clone(),
            address,
            holder: holder.clone(),
            not_before: not_before.map(time),
            first_seen: time(*first_seen),
            last_seen: time(*last_seen),
            ended: ended.map(time),
        }),
    }
}

fn about(address: IpAddr) -> String {
    format!("ADDRESS#{address}")
}

fn about_holder(holder: &str) -> String {
    format!("HOLDER#{holder}")
}

fn about_name(name: &str) -> String {
    format!("NAME#{name}")
}

fn written(fact: &impl Serialize) -> String {
    serde_json::to_string(fact).unwrap_or_default()
}

/// Those facts that this version understands.
fn read_all<T: serde::de::DeserializeOwned>(facts: Vec<String>) -> Vec<T> {
    facts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
}

fn time(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::aws::json::DYNAMODB;
    use crate::aws::json::JsonCalls;
    use crate::case::store::table_schema;
    use crate::testing::Moto;

    const ADDRESS: &str = "203.0.113.10";

    fn address() -> IpAddr {
        ADDRESS.parse().expect("an address")
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + 60 * minute).expect("a time")
    }

    fn holding(holder: &str) -> Holding {
        Holding { address: address(), holder: holder.to_owned() }
    }

    /// Bots of one table, each with a ledger of its own.
    struct Replicas {
        _moto: Moto,
        _folder: tempfile::TempDir,
        all: Vec<SharedLedger>,
    }

    async fn replicas(count: usize) -> Replicas {
        let moto = Moto::start();
        let calls = JsonCalls::new(&moto.sdk(), DYNAMODB);
        calls.call("CreateTable", &table_schema("cases")).await.expect("made");
        let folder = tempfile::tempdir().expect("a folder");
        let one = |number: usize| {
            let ledger = Ledger::open(&folder.path().join(format!("{number}.sqlite"))).expect("opened");
            let table = DynamoStore::new(&moto.sdk(), "cases", Duration::from_secs(3_600));
            SharedLedger::new(Arc::new(table), ledger)
        };
        Replicas { all: (0..count).map(one).collect(), _moto: moto, _folder: folder }
    }

    /// Who held the address from minute to minute, as a replica knows after it read what others wrote.
    async fn held(replica: &SharedLedger, from: i64, to: i64) -> Vec<String> {
        replica.learn(address()).await.expect("read");
        let past = replica.ledger.holders(address(), at(from), at(to), &[]).expect("read");
        past.held.into_iter().map(|held| held.holder).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_an_event_told_one_replica_the_other_knows_at_once() {
        let replicas = replicas(2).await;
        let [one, other] = replicas.all.as_slice() else { panic!("two") };
        for replica in [one, other] {
            replica.ledger.look("here", at(0), &[holding("i-1")]).expect("written");
        }
        // It moves, and no sweep has seen that yet.
        one.begun("here", at(2), &holding("i-2")).await.expect("told");
        one.begun("here", at(2), &holding("i-2")).await.expect("told twice");
        assert_eq!(held(other, 3, 4).await, ["i-2"]);
        assert_eq!(held(other, 0, 1).await, ["i-1"]);
        // Whoever heard of its end had not heard of its beginning.
        other.ended("here", at(6), address()).await.expect("told");
        one.ledger.begin("here", at(2), &holding("i-2")).expect("written");
        assert!(held(one, 7, 8).await.is_empty());
        // An instance stops: what it gave up it holds no more, of whoever that is asked.
        one.begun("here", at(10), &holding("i-3")).await.expect("told");
        other.stopped("here", at(12), "i-3", &[]).await.expect("told");
        assert_eq!((held(one, 11, 11).await, held(one, 13, 14).await), (vec!["i-3".to_owned()], Vec::new()));
        // What it kept it holds on.
        one.begun("here", at(20), &holding("i-4")).await.expect("told");
        other.stopped("here", at(22), "i-4", &[address()]).await.expect("told");
        assert_eq!(held(one, 23, 24).await, ["i-4"]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_an_association_is_called_is_known_to_all() {
        let replicas = replicas(2).await;
        let names = ["eipalloc-1".to_owned(), "eipassoc-1".to_owned()];
        replicas.all[0].named(&names, address()).await.expect("told");
        for (name, expected) in [("eipassoc-1", Some(address())), ("eipassoc-2", None)] {
            assert_eq!(replicas.all[1].recall(name).await.expect("read"), expected, "{name}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_replica_that_began_late_knows_what_the_other_looked_at() {
        let replicas = replicas(2).await;
        let [one, late] = replicas.all.as_slice() else { panic!("two") };
        for (minute, holder) in [(0, "i-1"), (5, "i-1"), (10, "i-2"), (15, "i-2"), (20, "i-2")] {
            let changed = one.ledger.look("here", at(minute), &[holding(holder)]).expect("written");
            one.looked("here", at(minute), &changed).await.expect("told");
            one.tell_looks().await.expect("told");
        }
        late.ledger.look("here", at(18), &[holding("i-2")]).expect("written");
        let places = ["here".to_owned()];
        assert_eq!(held(late, 1, 4).await, ["i-1"]);
        assert!(late.saw(&places, at(1), at(4)).await.expect("read"));
        assert!(!late.saw(&places, at(-1), at(4)).await.expect("read"));
        assert!(!late.saw(&["there".to_owned()], at(1), at(4)).await.expect("read"));
        // When it changed is not known, so both may have.
        assert_eq!(held(late, 6, 9).await, ["i-1", "i-2"]);
        assert_eq!(held(late, 11, 12).await, ["i-2"]);
    }

    #[test]
    fn a_fact_of_another_version_is_passed_over() {
        let told = vec![
            r#"{"kind":"sold","at":1}"#.to_owned(),
            written(&Fact::Ended { place: "here".to_owned(), at: 1 }),
            "no JSON".to_owned(),
        ];
        assert_eq!(read_all::<Fact>(told), [Fact::Ended { place: "here".to_owned(), at: 1 }]);
    }
}
