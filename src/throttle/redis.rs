//! Counters in Redis or Valkey, for several gateways: a guess at one of them counts at all.
//!
//! Each step of an attempt is one Lua script over its counters, which are in one slot, so that guesses that arrive at
//! several gateways at once cannot exceed the budget together. Redis removes a counter by itself when it matters no more;
//! sorted sets list counters by how long they matter, and bound their number as in `counter_table`.

use std::{collections::HashMap, time::Duration};

use redis::{Script, aio::MultiplexedConnection};

use super::{
    ThrottleLimits,
    counter::{CHECKED_WITHIN, Counter, FORGOTTEN_AFTER},
    counter_table,
    device::Secret,
    disk::Cleared,
    key::{Kind, ThrottleKey},
};
use crate::{
    clock::Timestamp,
    store::{
        StoreError,
        redis::{Failure, KeyPrefix, RedisLink},
    },
};

/// The counters of all gateways.
#[derive(Debug)]
pub(super) struct Shared {
    link: RedisLink,
    settle: Script,
}

/// A step of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Asks whether an attempt could be reserved, and reserves none.
    Look,
    Reserve,
    Fail,
    GiveBack,
    Succeed,
}

impl Shared {
    pub(super) fn new(link: RedisLink) -> Self {
        Self { link, settle: Script::new(include_str!("scripts/settle.lua")) }
    }

    /// Does a step. [`Step::Look`] and [`Step::Reserve`] return one time to wait, zero for none; [`Step::Fail`] the wait
    /// that starts for each key, zero for none. The step is sent when this returns, and is done even if the future is
    /// dropped.
    pub(super) fn step(
        &self,
        step: Step,
        keys: &[ThrottleKey],
        now: Timestamp,
        limits: &ThrottleLimits,
    ) -> impl Future<Output = Result<Vec<Duration>, StoreError>> + Send + '_ {
        let asked = self.call(step, keys, now, limits, Ok);
        async move {
            // Shorter than a user waits for a page.
            let answered = tokio::time::timeout(REPLY_WITHIN, asked).await;
            answered.unwrap_or_else(|_| Err(StoreError::new("counting a sign-in", "no reply in time")))
        }
    }

    /// Counts a failure for which no request waits; it is sent when this returns. `then` gets the keys back with the wait
    /// that starts for each, or with none if Redis did not count.
    pub(super) fn fail_alone(
        &self,
        keys: &[ThrottleKey],
        now: Timestamp,
        limits: &ThrottleLimits,
        then: impl FnOnce(Vec<ThrottleKey>, Option<Vec<Duration>>) + Send + 'static,
    ) {
        let mut follow_up = FollowUp(Some((keys.to_vec(), then)));
        let heard = move |waits: Vec<Duration>| {
            follow_up.call(Some(waits));
            Ok(())
        };
        drop(self.call(Step::Fail, keys, now, limits, heard));
    }

    /// Sends a step; `heard` gets the times that Redis replies with, on the thread of the connection.
    fn call<T: Send + 'static>(
        &self,
        step: Step,
        keys: &[ThrottleKey],
        now: Timestamp,
        limits: &ThrottleLimits,
        heard: impl FnOnce(Vec<Duration>) -> Result<T, Failure> + Send + 'static,
    ) -> impl Future<Output = Result<T, StoreError>> + Send + '_ {
        let (prefix, script) = (self.link.prefix().as_str(), self.settle.clone());
        let mut arguments = vec![
            step.as_str().to_owned(),
            prefix.to_owned(),
            now.as_millis().to_string(),
            millis(limits.window),
            millis(CHECKED_WITHIN),
            millis(FORGOTTEN_AFTER),
            Kind::Address.most().unwrap_or_default().to_string(),
            limits.waits.len().to_string(),
        ];
        arguments.extend(limits.waits.iter().map(|wait| millis(*wait)));
        for key in keys {
            let rule = counter_table::rule(limits, key);
            let (member, letter) = (key.to_string(), key.kind().letter().to_owned());
            arguments.extend([member, letter, rule.budget.to_string(), rule.patience.to_string()]);
        }
        let names: Vec<String> = keys.iter().map(|key| self.name(key)).collect();
        self.link.ask("counting a sign-in", move |mut connection| async move {
            let mut call = script.prepare_invoke();
            for name in names {
                call.key(name);
            }
            for argument in arguments {
                call.arg(argument);
            }
            let answer: Vec<String> = call.invoke_async(&mut connection).await?;
            let waits = answer.iter().map(|text| text.parse().map(Duration::from_millis));
            heard(waits.collect::<Result<Vec<_>, _>>()?)
        })
    }

    /// All counters.
    pub(super) async fn list(&self) -> Result<Vec<(ThrottleKey, Counter)>, StoreError> {
        let prefix = self.link.prefix().clone();
        let listing = move |mut connection| async move {
            let mut all = Vec::new();
            for kind in Kind::ALL {
                let members = members(&mut connection, &prefix, kind).await?;
                for members in members.chunks(BATCH) {
                    let mut asked = redis::pipe();
                    for member in members {
                        asked.cmd("HGETALL").arg(format!("{prefix}:t:c:{member}"));
                    }
                    let found: Vec<HashMap<String, i64>> = asked.query_async(&mut connection).await?;
                    let keys = members.iter().map(|member| ThrottleKey::parse(member));
                    all.extend(keys.zip(&found).filter_map(|(key, fields)| Some((key?, counter(fields)?))));
                }
            }
            Ok(all)
        };
        self.link.ask("listing failed sign-ins", listing).await
    }

    /// Clears counters; returns how many there were.
    pub(super) async fn clear(&self, which: Vec<Cleared>) -> Result<usize, StoreError> {
        let prefix = self.link.prefix().clone();
        let clearing = move |mut connection| async move {
            let mut cleared = 0;
            for kind in Kind::ALL {
                let mut meant = members(&mut connection, &prefix, kind).await?;
                meant.retain(|member| {
                    ThrottleKey::parse(member)
                        .is_some_and(|key| which.iter().any(|which| which.is_meant(&key)))
                });
                for members in meant.chunks(BATCH) {
                    let mut asked = redis::pipe();
                    for member in members {
                        asked.cmd("DEL").arg(format!("{prefix}:t:c:{member}"));
                        asked.cmd("ZREM").arg(index(&prefix, kind)).arg(member).ignore();
                    }
                    let removed: Vec<usize> = asked.query_async(&mut connection).await?;
                    cleared += removed.iter().sum::<usize>();
                }
            }
            Ok(cleared)
        };
        self.link.ask("clearing failed sign-ins", clearing).await
    }

    /// The key that all gateways share: this one, unless another gateway was faster.
    pub(super) async fn agree_on(&self, secret: &Secret) -> Result<Secret, StoreError> {
        let (name, ours) = (format!("{}:t:secret", self.link.prefix()), secret.to_hex());
        let agreeing = move |mut connection: MultiplexedConnection| async move {
            let mut command = redis::pipe();
            command.cmd("SET").arg(&name).arg(ours.as_str()).arg("NX").ignore();
            command.cmd("GET").arg(&name);
            let (theirs,): (zeroize::Zeroizing<String>,) = {
                let (text,): (String,) = command.query_async(&mut connection).await?;
                (text.into(),)
            };
            Secret::from_hex(&theirs).ok_or_else(|| Failure::from(format!("{name} holds no key")))
        };
        self.link.ask("agreeing on the key of device cookies", agreeing).await
    }

    fn name(&self, key: &ThrottleKey) -> String {
        format!("{}:t:c:{key}", self.link.prefix())
    }
}

/// The follow-up of a step, called even if Redis never replies.
struct FollowUp<F: FnOnce(Vec<ThrottleKey>, Option<Vec<Duration>>)>(Option<(Vec<ThrottleKey>, F)>);

impl<F: FnOnce(Vec<ThrottleKey>, Option<Vec<Duration>>)> FollowUp<F> {
    fn call(&mut self, waits: Option<Vec<Duration>>) {
        if let Some((keys, then)) = self.0.take() {
            then(keys, waits);
        }
    }
}

impl<F: FnOnce(Vec<ThrottleKey>, Option<Vec<Duration>>)> Drop for FollowUp<F> {
    fn drop(&mut self) {
        self.call(None);
    }
}

impl Step {
    fn as_str(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Reserve => "reserve",
            Self::Fail => "fail",
            Self::GiveBack => "back",
            Self::Succeed => "succeed",
        }
    }
}

async fn members(
    connection: &mut MultiplexedConnection,
    prefix: &KeyPrefix,
    kind: Kind,
) -> Result<Vec<String>, Failure> {
    Ok(redis::cmd("ZRANGE").arg(index(prefix, kind)).arg(0).arg(-1).query_async(connection).await?)
}

fn index(prefix: &KeyPrefix, kind: Kind) -> String {
    format!("{prefix}:t:{}", kind.letter())
}

/// `None`: Redis has dropped it since it was listed.
fn counter(fields: &HashMap<String, i64>) -> Option<Counter> {
    let number = |name| fields.get(name).map(|number| u32::try_from(*number).unwrap_or(u32::MAX));
    let time = |name| fields.get(name).copied().map(Timestamp::from_millis);
    Some(Counter {
        failures: number("f")?,
        window: time("w")?,
        pending: number("p")?,
        reserved: time("r")?,
        step: number("s")?,
        blocked_until: time("b")?,
        total: number("t")?,
        last: time("l")?,
    })
}

fn millis(time: Duration) -> String {
    time.as_millis().to_string()
}

const REPLY_WITHIN: Duration = Duration::from_secs(1);
/// Counters that are read at a time.
const BATCH: usize = 500;
