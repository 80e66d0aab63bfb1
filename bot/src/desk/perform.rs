//! Carrying deeds out: each may be cut off at any point and is carried out again from what was kept.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::Unit;
use serde::Deserialize;
use serde::Serialize;
use serde_json::json;

use super::Desk;
use super::Interface;
use super::NotDone;
use super::Open;
use super::ask::ANSWERS;
use super::draw;
use super::letter;
use super::standing::Belief;
use crate::case::Action;
use crate::case::Deed;
use crate::case::HostRef;
use crate::slack::forms::BY_MAIL;

impl Desk {
    /// Does it; says what came of it.
    pub(super) async fn perform(&self, open: &Open, deed: &mut Deed) -> Result<String, NotDone> {
        match deed.action {
            Action::Take => Ok("took this case".to_owned()),
            Action::Release => Ok("gave this case back".to_owned()),
            Action::NotAbuse => Ok("closed this case: not abuse".to_owned()),
            Action::Reopen => Ok("opened this case again".to_owned()),
            Action::Ask => self.ask(open, deed).await,
            Action::Answer => answer(deed),
            Action::Escalate if deed.is_of_no() => self.call(open, deed, "called the responders").await,
            Action::Escalate => self.call(open, deed, "no answer came in time").await,
            Action::Reply => self.send_reply(open, deed).await,
            Action::Isolate => self.isolate(open, deed).await,
            Action::Restore => self.restore(open).await,
            Action::Snapshot => {
                let copies = self.hands.snapshot(&host(open)?, open.case(), deed.round).await?;
                deed.kept = json!({"snapshots": copies});
                Ok(format!("copied the volumes: {}", copies.join(", ")))
            }
            Action::Stop => {
                let process =
                    draw::process(&open.report).ok_or_else(|| NotDone::because("no process is named"))?;
                deed.kept = json!({"process": process});
                let said = self.hands.signal(&host(open)?, process, false).await?;
                Ok(format!("stopped process {process}: {said}"))
            }
            Action::Continue => {
                let stopped = open.deeds().stopped().and_then(|deed| deed.kept["process"].as_str());
                let process = stopped.ok_or_else(|| NotDone::because("nothing is stopped"))?;
                let said = self.hands.signal(&host(open)?, process, true).await?;
                Ok(format!("let process {process} go on: {said}"))
            }
            Action::Remind => self.call(open, deed, "reminded of the deadline").await,
            Action::Route => self.call(open, deed, "told whom it concerns").await,
        }
    }

    /// Calls, in the case's thread, whom the deed keeps; nobody is called where it keeps nobody.
    async fn call(&self, open: &Open, deed: &Deed, said: &str) -> Result<String, NotDone> {
        let (Some(text), Some(posted)) = (deed.kept["text"].as_str(), &open.record.work.posted) else {
            return Ok(said.to_owned());
        };
        let message = draw::calling(open.case(), deed.kept["call"].as_str(), text);
        self.notifier.reply(posted, &message).await.map_err(|error| NotDone(error.to_string()))?;
        Ok(said.to_owned())
    }

    /// Keeps the groups before the first is changed, so that whatever was changed can be given back.
    async fn isolate(&self, open: &Open, deed: &mut Deed) -> Result<String, NotDone> {
        let host = host(open)?;
        let isolation = match Isolation::kept(deed) {
            Some(kept) => kept,
            None => {
                let found = self.isolation(&host).await?;
                deed.kept = json!(found);
                let kept = self.deeds.keep(open.case(), deed).await;
                kept.map_err(|error| {
                    NotDone(format!("its groups could not be kept, so nothing was changed: {error}"))
                })?;
                found
            }
        };
        let mut moved = Vec::new();
        for interface in &isolation.interfaces {
            let group = match isolation.groups.get(&interface.vpc) {
                Some(group) => group.clone(),
                None => self.hands.isolation_group(&host, &interface.vpc).await?,
            };
            if let Err(NotDone(why)) =
                self.hands.set_groups(&host, &interface.id, std::slice::from_ref(&group)).await
            {
                return Err(NotDone(format!(
                    "{} of {} interfaces are isolated, then: {why}",
                    moved.len(),
                    isolation.interfaces.len()
                )));
            }
            moved.push(format!("{} (was in {})", interface.id, interface.groups.join(", ")));
        }
        Ok(format!("isolated the instance: {}", moved.join("; ")))
    }

    /// What is to be swapped for what; looked up in every VPC before anything is changed.
    async fn isolation(&self, host: &HostRef) -> Result<Isolation, NotDone> {
        let interfaces = self.hands.interfaces(host).await?;
        if interfaces.is_empty() {
            return Err(NotDone::because("the instance has no network interface"));
        }
        let mut groups = BTreeMap::new();
        for interface in &interfaces {
            if !groups.contains_key(&interface.vpc) {
                let group = self.hands.isolation_group(host, &interface.vpc).await?;
                groups.insert(interface.vpc.clone(), group);
            }
            // Its own groups are not known here: what would be kept as such would isolate it for ever.
            if interface.groups.iter().eq(groups.get(&interface.vpc)) {
                return Err(NotDone(format!(
                    "{} is isolated already, by another case or by hand; nothing was changed. End it where it was begun",
                    interface.id
                )));
            }
        }
        Ok(Isolation { interfaces, groups })
    }

    /// Gives back what is still as the isolation left it; what somebody changed since is theirs. What the isolation
    /// group is called and lets through by now does not matter: it is known by the id that was kept.
    async fn restore(&self, open: &Open) -> Result<String, NotDone> {
        let host = host(open)?;
        let isolated = open.deeds().isolated().and_then(Isolation::kept);
        let kept = isolated.ok_or_else(|| NotDone::because("the instance is not isolated"))?;
        let now = self.hands.interfaces(&host).await?;
        let mut told = Vec::new();
        for interface in &kept.interfaces {
            let group = match kept.groups.get(&interface.vpc) {
                Some(group) => group.clone(),
                None => self.hands.isolation_group(&host, &interface.vpc).await?,
            };
            match now.iter().find(|one| one.id == interface.id) {
                None => told.push(format!("{} is gone", interface.id)),
                Some(one) if one.groups == interface.groups => {
                    told.push(format!("{} had its groups", one.id))
                }
                Some(one) if one.groups != [group] => {
                    told.push(format!(
                        "{} was changed since and is left in {}",
                        one.id,
                        one.groups.join(", ")
                    ));
                }
                Some(one) => {
                    self.hands.set_groups(&host, &one.id, &interface.groups).await?;
                    told.push(format!("{} is in {} again", one.id, interface.groups.join(", ")));
                }
            }
        }
        Ok(format!("ended the isolation: {}", told.join("; ")))
    }

    async fn send_reply(&self, open: &Open, deed: &mut Deed) -> Result<String, NotDone> {
        let left = time_left(open.record.case.deadline, Timestamp::now());
        let body = deed.kept["body"].as_str().unwrap_or_default().to_owned();
        if deed.kept["how"] != BY_MAIL {
            return Ok(format!("answered the reporter by hand, {left}"));
        }
        if deed.kept["sending"] == true {
            return Err(NotDone::because(
                "it was cut off while it was sent: whether the mail went out is not known. Look into the sent mails before trying again",
            ));
        }
        if open.standing.belief != Belief::Proven {
            return Err(NotDone::because("the notice's sender is not proven, so it is not answered by mail"));
        }
        let reply = open.standing.reply.as_ref();
        let to = letter::recipient(reply, self.reply.as_ref()).map_err(NotDone)?;
        let (Some(reply), Some(settings)) = (reply, &self.reply) else {
            return Err(NotDone::because("there is nobody to answer"));
        };
        deed.kept["sending"] = json!(true);
        let kept = self.deeds.keep(open.case(), deed).await;
        kept.map_err(|error| NotDone(format!("it could not be kept, so nothing was sent: {error}")))?;
        let date = Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
        let mail = letter::mail(&settings.from, reply, &body, &date);
        let id = self.mailer.send(&settings.from, to, &mail).await?;
        let name = format!("reply-{}.eml", deed.round + 1);
        if let Err(error) = self.files.write(open.case(), &name, &mail).await {
            tracing::error!(case_id = open.case().0, error = %error, "the mail that was sent is not kept");
        }
        deed.kept["message_id"] = json!(id);
        Ok(format!("answered {to} by mail ({id}), {left}"))
    }
}

/// What an answer says.
fn answer(deed: &Deed) -> Result<String, NotDone> {
    let said = ANSWERS
        .iter()
        .find(|(name, _, _)| deed.kept["answer"] == *name)
        .map(|(_, _, said)| (*said).to_owned());
    said.ok_or_else(|| NotDone::because("that is no answer"))
}

/// How long it was until the deadline.
pub(super) fn time_left(deadline: Option<Timestamp>, now: Timestamp) -> String {
    let Some(deadline) = deadline else { return "no deadline was set".to_owned() };
    let span = |from: Timestamp, to: Timestamp| {
        let minutes = to.duration_since(from).as_mins();
        match minutes {
            0..60 => format!("{minutes} min"),
            _ => format!("{} h {} min", minutes / 60, minutes % 60),
        }
    };
    let at = deadline.round(Unit::Second).unwrap_or(deadline);
    if now <= deadline {
        format!("{} before the deadline ({at})", span(now, deadline))
    } else {
        format!("{} after the deadline ({at})", span(deadline, now))
    }
}

/// What an isolation keeps so that it can be ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Isolation {
    /// The interfaces with their own groups.
    interfaces: Vec<Interface>,
    /// The group that cuts off, by VPC.
    #[serde(default)]
    groups: BTreeMap<String, String>,
}

impl Isolation {
    fn kept(deed: &Deed) -> Option<Self> {
        serde_json::from_value(deed.kept.clone()).ok()
    }
}

/// The host that the report is about.
fn host(open: &Open) -> Result<HostRef, NotDone> {
    let name = open.report.facts.host.as_ref();
    let view = open.report.judgement.hosts.iter().find(|view| Some(&view.name) == name);
    let view = view.filter(|view| view.host.instance_id.is_some());
    view.map(|view| view.host.clone()).ok_or_else(|| NotDone::because("the report names no instance"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_told_on_both_sides_of_the_deadline() {
        let time = |text: &str| text.parse::<Timestamp>().expect("time");
        let deadline = Some(time("2026-11-22T10:00:00Z"));
        assert_eq!(
            time_left(deadline, time("2026-11-21T12:30:00Z")),
            "21 h 30 min before the deadline (2026-11-22T10:00:00Z)"
        );
        assert_eq!(
            time_left(deadline, time("2026-11-22T10:05:00Z")),
            "5 min after the deadline (2026-11-22T10:00:00Z)"
        );
        assert_eq!(time_left(None, time("2026-11-22T10:05:00Z")), "no deadline was set");
    }
}
