//! The definition of a metric, and the families of one scrape in the types of the Prometheus client library.

use prometheus::proto::{self, MetricFamily, MetricType};

use super::CATALOG;
use super::cells::Snapshot;

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

/// One metric of the catalog.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) kind: MetricKind,
    /// The labels besides `proxy`, which all metrics but that of the build have.
    pub(crate) labels: &'static [&'static str],
    pub(crate) help: &'static str,
}

/// The samples of one scrape, one family per metric of the catalog and in its order.
pub(crate) struct Families(Vec<MetricFamily>);

impl Families {
    pub(crate) fn new() -> Self {
        Families(CATALOG.iter().map(empty_family).collect())
    }

    /// Adds a sample of a counter or a gauge; `proxy` is `None` for the metrics of the process.
    pub(crate) fn number(&mut self, what: &Definition, proxy: Option<&str>, labels: &[&str], value: f64) {
        let mut metric = proto::Metric::from_label(pairs(what, proxy, labels));
        match what.kind {
            MetricKind::Counter => {
                let mut counter = proto::Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
            MetricKind::Gauge => {
                let mut gauge = proto::Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
            MetricKind::Histogram => debug_assert!(false, "{} is a histogram", what.name),
        }
        self.push(what, metric);
    }

    pub(crate) fn histogram(&mut self, what: &Definition, proxy: &str, labels: &[&str], snapshot: &Snapshot) {
        debug_assert_eq!(what.kind, MetricKind::Histogram);
        let mut metric = proto::Metric::from_label(pairs(what, Some(proxy), labels));
        metric.set_histogram(to_proto(snapshot));
        self.push(what, metric);
    }

    /// Returns the families that have samples; one without samples cannot be encoded.
    pub(crate) fn finish(self) -> Vec<MetricFamily> {
        self.0.into_iter().filter(|family| !family.get_metric().is_empty()).collect()
    }

    fn push(&mut self, what: &Definition, metric: proto::Metric) {
        if let Some(family) = self.0.iter_mut().find(|family| family.name() == what.name) {
            family.mut_metric().push(metric);
        }
    }
}

fn empty_family(what: &Definition) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(what.name.to_owned());
    family.set_help(what.help.to_owned());
    family.set_field_type(match what.kind {
        MetricKind::Counter => MetricType::COUNTER,
        MetricKind::Gauge => MetricType::GAUGE,
        MetricKind::Histogram => MetricType::HISTOGRAM,
    });
    family
}

fn pairs(what: &Definition, proxy: Option<&str>, labels: &[&str]) -> Vec<proto::LabelPair> {
    debug_assert_eq!(what.labels.len(), labels.len(), "{}", what.name);
    let own = what.labels.iter().copied().zip(labels.iter().copied());
    proxy.map(|proxy| ("proxy", proxy)).into_iter().chain(own).map(pair).collect()
}

fn pair((name, value): (&str, &str)) -> proto::LabelPair {
    let mut pair = proto::LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}

/// Converts a snapshot: bucket counts become cumulative, and the total is their sum, so that the two never disagree.
fn to_proto(snapshot: &Snapshot) -> proto::Histogram {
    let mut seen = 0;
    let buckets = snapshot.scale.bounds().iter().zip(&snapshot.counts).map(|(bound, count)| {
        seen += count;
        let mut bucket = proto::Bucket::default();
        bucket.set_upper_bound(*bound as f64 / 1e9);
        bucket.set_cumulative_count(seen);
        bucket
    });
    let mut histogram = proto::Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(snapshot.count());
    histogram.set_sample_sum(snapshot.sum_micros as f64 / 1e6);
    histogram
}
