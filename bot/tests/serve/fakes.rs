//! A queue, a locator, hosts, Slack and a store that can be made to fail, all in memory but the store.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use gumshoe::case::Answer;
use gumshoe::case::CaseId;
use gumshoe::case::Claim;
use gumshoe::case::HostRef;
use gumshoe::case::Located;
use gumshoe::case::store::Admission;
use gumshoe::case::store::Admitted;
use gumshoe::case::store::CaseStore;
use gumshoe::case::store::OutcomeCount;
use gumshoe::case::store::Owner;
use gumshoe::case::store::Posted;
use gumshoe::case::store::Question;
use gumshoe::case::store::Record;
use gumshoe::case::store::SqliteStore;
use gumshoe::case::store::StoreError;
use gumshoe::case::store::Summary;
use gumshoe::case::store::Ticket;
use gumshoe::case::store::Work;
use gumshoe::hosts::HostHistory;
use gumshoe::hosts::check;
use gumshoe::intake::Delivery;
use gumshoe::intake::FetchError;
use gumshoe::intake::Queue;
use gumshoe::intake::QueueError;
use gumshoe::intake::StoredMails;
use gumshoe::locate::Locate;
use gumshoe::slack::Attachment;
use gumshoe::slack::Message;
use gumshoe::slack::Notifier;
use gumshoe::slack::SlackError;
use history::Coverage;
use history::Evidence;
use history::Host;
use history::Request;
use jiff::Timestamp;
use tokio::time::Instant;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A step of the work on a case at which it is cut off, as by a kill: the call never returns.
#[derive(Default)]
pub struct Fuse {
    /// Calls that still go through; none for all.
    left: Mutex<Option<usize>>,
    blown: tokio::sync::Notify,
    calls: AtomicUsize,
}

impl Fuse {
    pub fn after(calls: usize) -> Arc<Self> {
        Arc::new(Self { left: Mutex::new(Some(calls)), ..Self::default() })
    }

    /// Ends when the work was cut off.
    pub async fn blown(&self) {
        self.blown.notified().await;
    }

    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn pass(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let goes = match &mut *lock(&self.left) {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        };
        if !goes {
            self.blown.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

/// Says the same as a message in a real channel would: what stands, and in which thread.
#[derive(Default)]
pub struct FakeSlack {
    pub said: Mutex<Vec<String>>,
    pub fuse: Option<Arc<Fuse>>,
    pub channel: Mutex<Vec<(CaseId, String)>>,
    pub updates: AtomicUsize,
    pub replies: Mutex<Vec<String>>,
    pub files: Mutex<Vec<String>>,
    /// Calls that fail before one succeeds.
    pub failing: AtomicUsize,
    /// Whether blocks are refused.
    pub refuses_blocks: bool,
}

impl FakeSlack {
    fn fails(&self, method: &'static str) -> Result<(), SlackError> {
        let failing = self.failing.load(Ordering::SeqCst);
        if failing == 0 {
            return Ok(());
        }
        self.failing.store(failing - 1, Ordering::SeqCst);
        Err(SlackError::Unavailable { method, attempts: 1, reason: "down".to_owned() })
    }

    async fn pass(&self) {
        if let Some(fuse) = &self.fuse {
            fuse.pass().await;
        }
    }

    fn note(&self, message: &Message) {
        let blocks = serde_json::to_string(&message.blocks).expect("JSON");
        lock(&self.said).push(format!("{} {blocks}", message.text));
    }

    /// Everything that was ever said, blocks and replies included.
    pub fn said(&self) -> String {
        lock(&self.said).join("\n")
    }

    /// Texts of the messages that stand in the channel.
    pub fn texts(&self) -> Vec<String> {
        lock(&self.channel).iter().map(|(_, text)| text.clone()).collect()
    }
}

#[async_trait]
impl Notifier for FakeSlack {
    async fn post(&self, message: &Message) -> Result<Posted, SlackError> {
        self.pass().await;
        self.fails("chat.postMessage")?;
        self.note(message);
        let ts = {
            let mut channel = lock(&self.channel);
            channel.push((message.case.clone(), message.text.clone()));
            (channel.len() - 1).to_string()
        };
        // Slack took it; whether the bot lives to hear of it is another matter.
        self.pass().await;
        Ok(Posted { channel: "C1".to_owned(), ts })
    }

    async fn find(&self, case: &CaseId, _since: Timestamp) -> Result<Option<Posted>, SlackError> {
        let channel = lock(&self.channel);
        let at = channel.iter().position(|(of, _)| of == case);
        Ok(at.map(|at| Posted { channel: "C1".to_owned(), ts: at.to_string() }))
    }

    async fn update(&self, posted: &Posted, message: &Message) -> Result<(), SlackError> {
        self.pass().await;
        self.fails("chat.update")?;
        if self.refuses_blocks && !message.blocks.is_empty() {
            return Err(SlackError::Refused { method: "chat.update", code: "invalid_blocks".to_owned() });
        }
        self.note(message);
        self.updates.fetch_add(1, Ordering::SeqCst);
        let at: usize = posted.ts.parse().expect("a number");
        lock(&self.channel)[at].1.clone_from(&message.text);
        Ok(())
    }

    async fn reply(&self, _posted: &Posted, message: &Message) -> Result<(), SlackError> {
        self.pass().await;
        self.fails("chat.postMessage")?;
        self.note(message);
        lock(&self.replies).push(message.text.clone());
        Ok(())
    }

    async fn attach(&self, _posted: &Posted, attachment: &Attachment) -> Result<(), SlackError> {
        self.pass().await;
        self.fails("files.completeUploadExternal")?;
        lock(&self.files).push(attachment.name.clone());
        Ok(())
    }
}

/// What a host does when asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manner {
    #[default]
    Answers,
    Garbage,
    Offline,
    /// Takes its time.
    Slow,
}

#[derive(Default)]
pub struct FakeHosts {
    pub fuse: Option<Arc<Fuse>>,
    pub manner: Manner,
    pub asked: AtomicUsize,
}

pub fn evidence(request: &Request, id: &str) -> Evidence {
    Evidence {
        version: history::VERSION,
        host: Host { instance_id: Some(id.to_owned()), ..Host::default() },
        request: request.clone(),
        answered: Timestamp::now().into(),
        coverage: Coverage {
            window: request.window,
            recorded: vec![request.window],
            gaps: Vec::new(),
            losses: Vec::new(),
            oldest: None,
            events_searched: 1,
        },
        activities: Vec::new(),
        processes: Vec::new(),
        exits: Vec::new(),
        logins: Vec::new(),
        samples: Vec::new(),
        dns: Vec::new(),
        operations: Vec::new(),
        habits: Vec::new(),
        omitted: Vec::new(),
    }
}

#[async_trait]
impl HostHistory for FakeHosts {
    async fn ask(&self, _host: &HostRef, _request: &Request) -> Result<Ticket, Answer> {
        if let Some(fuse) = &self.fuse {
            fuse.pass().await;
        }
        if self.manner == Manner::Offline {
            return Err(Answer::Unreachable { reason: "the SSM agent has not been heard".to_owned() });
        }
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(Ticket { command: format!("command-{number}"), sent: Timestamp::now() })
    }

    async fn answer(&self, host: &HostRef, request: &Request, ticket: &Ticket) -> Answer {
        if let Some(fuse) = &self.fuse {
            fuse.pass().await;
        }
        assert!(ticket.command.starts_with("command-"));
        let line = match self.manner {
            Manner::Garbage => "GUMSHOE-EVIDENCE-1 AAAA\u{202e}".to_owned(),
            _ => {
                let id = host.instance_id.clone().unwrap_or_default();
                history::encode_evidence(&evidence(request, &id), history::SSM_LIMIT).expect("written")
            }
        };
        if self.manner == Manner::Slow {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        check(&line, host, request, Timestamp::now())
    }
}

/// Finds one instance per accused address, `i-` and the address in it.
#[derive(Default)]
pub struct FakeLocator;

#[async_trait]
impl Locate for FakeLocator {
    async fn locate(&self, claim: &Claim) -> Located {
        let host = |address: &std::net::IpAddr| HostRef {
            instance_id: Some(format!("i-{address}")),
            why: format!("holds {address} now"),
            ..HostRef::default()
        };
        Located { hosts: claim.accused.addresses.iter().map(host).collect(), notes: Vec::new() }
    }
}

/// A store that may be cut off at its n-th change.
pub struct FusedStore {
    pub store: SqliteStore,
    pub fuse: Arc<Fuse>,
}

#[async_trait]
impl CaseStore for FusedStore {
    async fn admit(&self, admission: &Admission) -> Result<Admitted, StoreError> {
        self.fuse.pass().await;
        self.store.admit(admission).await
    }

    async fn lease(
        &self,
        case: &CaseId,
        owner: &Owner,
        length: Duration,
    ) -> Result<Option<Record>, StoreError> {
        self.fuse.pass().await;
        self.store.lease(case, owner, length).await
    }

    async fn renew(&self, case: &CaseId, owner: &Owner, length: Duration) -> Result<(), StoreError> {
        self.store.renew(case, owner, length).await
    }

    async fn release(&self, case: &CaseId, owner: &Owner) -> Result<(), StoreError> {
        self.store.release(case, owner).await
    }

    async fn save(&self, case: &CaseId, owner: &Owner, work: &Work) -> Result<(), StoreError> {
        self.fuse.pass().await;
        self.store.save(case, owner, work).await
    }

    async fn save_question(
        &self,
        case: &CaseId,
        owner: &Owner,
        place: usize,
        question: &Question,
    ) -> Result<(), StoreError> {
        self.fuse.pass().await;
        self.store.save_question(case, owner, place, question).await
    }

    async fn load(&self, case: &CaseId) -> Result<Option<Record>, StoreError> {
        self.store.load(case).await
    }

    async fn list(&self, unfinished_only: bool, limit: usize) -> Result<Vec<Summary>, StoreError> {
        self.store.list(unfinished_only, limit).await
    }

    async fn count_outcome(&self, layout: &str, outcome: &str, at: Timestamp) -> Result<(), StoreError> {
        self.store.count_outcome(layout, outcome, at).await
    }

    async fn outcomes(&self) -> Result<Vec<OutcomeCount>, StoreError> {
        self.store.outcomes().await
    }
}

/// Mails by their places; what is not there cannot be fetched.
#[derive(Default)]
pub struct FakeMails {
    stored: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl FakeMails {
    /// Puts a mail in its place.
    pub fn put(&self, place: &str, mail: &[u8]) {
        lock(&self.stored).insert(place.to_owned(), mail.to_vec());
    }
}

#[async_trait]
impl StoredMails for FakeMails {
    async fn fetch(&self, place: &str) -> Result<Vec<u8>, FetchError> {
        let failed = || FetchError::Failed { place: place.to_owned(), reason: "no such key".to_owned() };
        lock(&self.stored).get(place).cloned().ok_or_else(failed)
    }
}

struct Held {
    body: String,
    visible: Instant,
    receives: u32,
    receipt: String,
}

/// A queue with visibility, receipts and redelivery.
#[derive(Default)]
pub struct FakeQueue {
    messages: Mutex<BTreeMap<usize, Held>>,
    receipts: Mutex<HashMap<String, usize>>,
    numbers: AtomicUsize,
    /// How long a received message is hidden.
    pub visibility: Duration,
    /// Whether every lease counts as lost.
    pub loses_leases: bool,
}

impl FakeQueue {
    pub fn new(visibility: Duration) -> Self {
        Self { visibility, ..Self::default() }
    }

    pub fn send(&self, body: impl Into<String>) {
        let number = self.numbers.fetch_add(1, Ordering::SeqCst);
        let held = Held { body: body.into(), visible: Instant::now(), receives: 0, receipt: String::new() };
        lock(&self.messages).insert(number, held);
    }

    pub fn len(&self) -> usize {
        lock(&self.messages).len()
    }

    /// Messages that could be received now.
    pub fn visible(&self) -> usize {
        lock(&self.messages).values().filter(|held| held.visible <= Instant::now()).count()
    }

    fn current<'a>(
        &self,
        messages: &'a mut BTreeMap<usize, Held>,
        receipt: &str,
    ) -> Result<(usize, &'a mut Held), QueueError> {
        let lost = || QueueError::Lost { reason: "ReceiptHandleIsInvalid".to_owned() };
        let number = lock(&self.receipts).get(receipt).copied().ok_or_else(lost)?;
        let held = messages.get_mut(&number).filter(|held| held.receipt == receipt).ok_or_else(lost)?;
        Ok((number, held))
    }
}

#[async_trait]
impl Queue for FakeQueue {
    async fn receive(&self, most: usize) -> Result<Vec<Delivery>, QueueError> {
        for _ in 0..10 {
            let mut deliveries = Vec::new();
            for (number, held) in lock(&self.messages).iter_mut() {
                if deliveries.len() == most || held.visible > Instant::now() {
                    continue;
                }
                held.receives += 1;
                held.visible = Instant::now() + self.visibility;
                held.receipt = format!("{number}-{}", held.receives);
                lock(&self.receipts).insert(held.receipt.clone(), *number);
                deliveries.push(Delivery {
                    id: number.to_string(),
                    receipt: held.receipt.clone(),
                    body: held.body.clone(),
                    sent: Some("2026-11-21T10:30:00Z".parse().expect("time")),
                    receives: held.receives,
                });
            }
            if !deliveries.is_empty() {
                return Ok(deliveries);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(Vec::new())
    }

    async fn hide(&self, receipt: &str, seconds: u32) -> Result<(), QueueError> {
        if self.loses_leases && seconds > 0 {
            return Err(QueueError::Lost { reason: "made so".to_owned() });
        }
        let mut messages = lock(&self.messages);
        let (_, held) = self.current(&mut messages, receipt)?;
        // Tests need not wait as long as the real queue would.
        held.visible = Instant::now() + Duration::from_millis(u64::from(seconds) * 20);
        Ok(())
    }

    async fn delete(&self, receipt: &str) -> Result<(), QueueError> {
        let mut messages = lock(&self.messages);
        let (number, _) = self.current(&mut messages, receipt)?;
        messages.remove(&number);
        Ok(())
    }
}
