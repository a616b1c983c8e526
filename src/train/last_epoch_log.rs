//! Keeps what the metrics of Burn log, of the last epoch only, so that memory does not grow with the steps of a run.

use burn::train::logger::{InMemoryMetricLogger, MetricLogger};
use burn::train::metric::store::{EpochSummary, MetricsUpdate, Split};
use burn::train::metric::{MetricDefinition, NumericEntry};

/// A logger of Burn that forgets earlier epochs: their numbers are in the history.
pub(super) struct LastEpochLog {
    log: InMemoryMetricLogger,
    epoch: usize,
    definitions: Vec<MetricDefinition>,
}

impl LastEpochLog {
    pub(super) fn new() -> Self {
        Self {
            log: InMemoryMetricLogger::new(),
            epoch: 0,
            definitions: Vec::new(),
        }
    }
}

impl MetricLogger for LastEpochLog {
    fn log(&mut self, update: MetricsUpdate, epoch: usize, split: &Split) {
        if epoch != self.epoch {
            self.epoch = epoch;
            self.log = InMemoryMetricLogger::new();
            for definition in self.definitions.clone() {
                self.log.log_metric_definition(definition);
            }
        }
        self.log.log(update, epoch, split);
    }

    fn read_numeric(
        &mut self,
        name: &str,
        epoch: usize,
        split: &Split,
    ) -> Result<Vec<NumericEntry>, String> {
        // The log counts its epochs from its first.
        if epoch == self.epoch {
            self.log.read_numeric(name, 1, split)
        } else {
            Ok(Vec::new())
        }
    }

    fn log_metric_definition(&mut self, definition: MetricDefinition) {
        self.definitions.push(definition.clone());
        self.log.log_metric_definition(definition);
    }

    fn log_epoch_summary(&mut self, _summary: EpochSummary) {}
}
