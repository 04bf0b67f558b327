//! The registry of all metrics, and their text for Prometheus.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use super::{counters::Counters, exposition::Exposition, lock, totals};

/// The metrics of the process. Workers, stores and writers share it; each worker has counters of its own behind it.
#[derive(Debug, Default)]
pub struct Metrics {
    workers: Mutex<Vec<Arc<Counters>>>,
    /// Numbers of other parts of the gateway, read at each scrape.
    registered: Mutex<Vec<RegisteredMetric>>,
    /// Numbers of parts that come and go with a reload.
    registered_families: Mutex<Vec<RegisteredFamily>>,
}

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// A number of events, which only grows; its name ends in `_total`.
    Counter,
    /// A present state, which grows and shrinks.
    Gauge,
}

/// A metric that another part of the gateway counts.
struct RegisteredMetric {
    name: &'static str,
    help: &'static str,
    kind: MetricKind,
    /// Name and value.
    label: Option<(&'static str, &'static str)>,
    read: Box<dyn Fn() -> u64 + Send + Sync>,
}

/// A metric with a sample for each value of a label.
struct RegisteredFamily {
    name: &'static str,
    help: &'static str,
    kind: MetricKind,
    label: &'static str,
    read: Box<dyn Fn() -> Vec<(String, f64)> + Send + Sync>,
}

impl Metrics {
    /// New counters for one worker, their only writer.
    pub fn counters(&self) -> Arc<Counters> {
        let counters = Arc::new(Counters::default());
        lock(&self.workers).push(Arc::clone(&counters));
        counters
    }

    /// Registers a metric. `read` is called at each scrape and must not block.
    ///
    /// Metrics of one name are registered one after the other, with different labels.
    pub fn register(
        &self,
        (name, help, kind): (&'static str, &'static str, MetricKind),
        label: Option<(&'static str, &'static str)>,
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        lock(&self.registered).push(RegisteredMetric { name, help, kind, label, read: Box::new(read) });
    }

    /// Registers a metric of parts that come and go with a reload. `read` gives the value of `label` and the number for
    /// each part; it is called at each scrape and must not block.
    pub fn register_family(
        &self,
        (name, help, kind): (&'static str, &'static str, MetricKind),
        label: &'static str,
        read: impl Fn() -> Vec<(String, f64)> + Send + Sync + 'static,
    ) {
        let family = RegisteredFamily { name, help, kind, label, read: Box::new(read) };
        lock(&self.registered_families).push(family);
    }

    /// All metrics, in the text format of Prometheus, version 0.0.4.
    pub fn text(&self) -> String {
        let workers = lock(&self.workers).clone();
        let mut text = Exposition::default();
        text.family("portcullis_build_info", "gauge", "The running version.");
        text.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        totals::write(&workers, &mut text);
        let mut family = "";
        for metric in lock(&self.registered).iter() {
            if metric.name != family {
                text.family(metric.name, metric.kind.as_str(), metric.help);
                family = metric.name;
            }
            text.sample(metric.label.as_slice(), (metric.read)());
        }
        for family in lock(&self.registered_families).iter() {
            text.family(family.name, family.kind.as_str(), family.help);
            for (value, number) in (family.read)() {
                text.sample(&[(family.label, &value)], number);
            }
        }
        text.into_text()
    }
}

impl MetricKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

impl fmt::Debug for RegisteredFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RegisteredFamily").field(&self.name).finish()
    }
}

impl fmt::Debug for RegisteredMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RegisteredMetric").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        super::{ConnectionProtocol, Limit},
        *,
    };

    #[test]
    fn metrics_add_up_the_counters_of_all_workers() {
        let metrics = Metrics::default();
        let (one, other) = (metrics.counters(), metrics.counters());
        one.reached(Limit::HeaderTimeout);
        other.reached(Limit::HeaderTimeout);
        other.responded(Some("wiki"), 200, Duration::from_millis(3), None);
        one.responded(Some("wiki"), 204, Duration::from_millis(30), Some(Duration::from_millis(20)));
        one.responded(None, 404, Duration::from_secs(100), None);
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
    fn metrics_count_a_connection_as_open_until_it_is_dropped() {
        let metrics = Metrics::default();
        let counters = metrics.counters();
        let first = counters.connected();
        first.count_protocol(ConnectionProtocol::Http2);
        let second = counters.connected();
        second.count_protocol(ConnectionProtocol::Http1);
        drop(first);
        let text = metrics.text();
        assert!(text.contains("portcullis_connections_open 1\n"), "{text}");
        assert!(text.contains("portcullis_connections_total{protocol=\"h2\"} 1\n"), "{text}");
    }

    #[test]
    fn registered_metrics_are_read_at_each_scrape() {
        let metrics = Metrics::default();
        let family = ("portcullis_x_total", "X.", MetricKind::Counter);
        metrics.register(family, Some(("result", "ok")), || 7);
        metrics.register(family, Some(("result", "failed")), || 8);
        let family = ("portcullis_y", "Y.", MetricKind::Gauge);
        metrics.register_family(family, "backend", || vec![("a".to_owned(), 1.0), ("b".to_owned(), 0.25)]);
        let text = metrics.text();
        assert!(
            text.ends_with(
                "# HELP portcullis_x_total X.\n# TYPE portcullis_x_total counter\n\
                 portcullis_x_total{result=\"ok\"} 7\nportcullis_x_total{result=\"failed\"} 8\n\
                 # HELP portcullis_y Y.\n# TYPE portcullis_y gauge\n\
                 portcullis_y{backend=\"a\"} 1\nportcullis_y{backend=\"b\"} 0.25\n"
            ),
            "{text}"
        );
    }
}
