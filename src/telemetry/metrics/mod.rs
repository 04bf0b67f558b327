//! What the gateway counts of its own work, for Prometheus.
//!
//! Each worker has [`Counters`] of its own, which nobody else writes: counting
//! is an increment that no other core waits for. Only when somebody scrapes are
//! they added up. What other parts of the gateway count anyhow is read at that
//! moment through [`Metrics::tell`].
//!
//! Labels have few values: names of apps, which the operator chose, and fixed
//! words. Nothing that a client sends becomes one.

mod counters;
mod exposition;
mod histogram;
mod limit;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use counters::{Connected, Counters, Spoken};
pub use limit::Limit;

use exposition::Exposition;

/// All that is counted. Shared by everybody; the counters behind it are not.
#[derive(Debug, Default)]
pub struct Metrics {
    workers: Mutex<Vec<Arc<Counters>>>,
    told: Mutex<Vec<Told>>,
}

/// Whether a number only ever grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It counts what has happened; its name ends in `_total`.
    Counter,
    /// It says how things stand.
    Gauge,
}

/// A number that another part of the gateway knows.
struct Told {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    /// `{name="value"}` pairs, or nothing.
    label: Option<(&'static str, &'static str)>,
    read: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Metrics {
    /// Counters for one worker, which alone writes them.
    pub fn counters(&self) -> Arc<Counters> {
        let counters = Arc::new(Counters::default());
        lock(&self.workers).push(Arc::clone(&counters));
        counters
    }

    /// Tells one more number, which is read whenever somebody scrapes: reading it must not take long.
    /// Those of one name follow each other and differ in their label.
    pub fn tell(
        &self,
        (name, help, kind): (&'static str, &'static str, Kind),
        label: Option<(&'static str, &'static str)>,
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        lock(&self.told).push(Told { name, help, kind, label, read: Box::new(read) });
    }

    /// Everything, in the text format of Prometheus, version 0.0.4.
    pub fn text(&self) -> String {
        let workers = lock(&self.workers).clone();
        let mut text = Exposition::default();
        text.family("portcullis_build_info", "gauge", "The running version.");
        text.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        counters::tell(&workers, &mut text);
        let mut last = "";
        for told in lock(&self.told).iter() {
            if told.name != last {
                text.family(told.name, told.kind.as_str(), told.help);
                last = told.name;
            }
            text.sample(told.label.as_slice(), (told.read)());
        }
        text.into_text()
    }
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Told").field(&self.name).finish()
    }
}

/// Counting never leaves anything half done, so a panic elsewhere takes nothing from it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_workers_count_is_added_up() {
        let metrics = Metrics::default();
        let (one, other) = (metrics.counters(), metrics.counters());
        one.reached(Limit::HeaderTimeout);
        other.reached(Limit::HeaderTimeout);
        other.answered(Some("wiki"), 200, Duration::from_millis(3), None);
        one.answered(Some("wiki"), 204, Duration::from_millis(30), Some(Duration::from_millis(20)));
        one.answered(None, 404, Duration::from_secs(100), None);
        one.faulted("wiki", "connect");
        one.unfinished("wiki", "stalled");
        other.unfinished("wiki", "stalled");
        let text = metrics.text();
        for line in [
            "portcullis_limit_reached_total{limit=\"header_timeout\"} 2",
            "portcullis_limit_reached_total{limit=\"max_body\"} 0",
            "portcullis_requests_total{app=\"wiki\",status=\"2xx\"} 2",
            "portcullis_requests_total{app=\"\",status=\"4xx\"} 1",
            "portcullis_request_duration_seconds_bucket{le=\"0.005\"} 1",
            "portcullis_request_duration_seconds_bucket{le=\"60\"} 2",
            "portcullis_request_duration_seconds_bucket{le=\"+Inf\"} 3",
            "portcullis_request_duration_seconds_count 3",
            "portcullis_request_duration_seconds_sum 100.033",
            "portcullis_upstream_duration_seconds_count 1",
            "portcullis_upstream_faults_total{app=\"wiki\",kind=\"connect\"} 1",
            "portcullis_unfinished_responses_total{app=\"wiki\",ended=\"stalled\"} 2",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn open_connections_are_those_that_have_not_ended() {
        let metrics = Metrics::default();
        let counters = metrics.counters();
        let first = counters.connected();
        first.speaks(Spoken::Http2);
        let second = counters.connected();
        second.speaks(Spoken::Http1);
        drop(first);
        let text = metrics.text();
        assert!(text.contains("portcullis_connections_open 1\n"), "{text}");
        assert!(text.contains("portcullis_connections_total{protocol=\"h2\"} 1\n"), "{text}");
    }

    #[test]
    fn what_others_know_is_read_when_somebody_asks() {
        let metrics = Metrics::default();
        let family = ("portcullis_x_total", "X.", Kind::Counter);
        metrics.tell(family, Some(("result", "ok")), || 7);
        metrics.tell(family, Some(("result", "failed")), || 8);
        let text = metrics.text();
        assert!(
            text.ends_with(
                "# HELP portcullis_x_total X.\n# TYPE portcullis_x_total counter\n\
                 portcullis_x_total{result=\"ok\"} 7\nportcullis_x_total{result=\"failed\"} 8\n"
            ),
            "{text}"
        );
    }
}
