//! Times of several kinds of a request, compared with those of the first kind.
//!
//! Each round makes one request of every kind, in random order, so that other load on the machine affects all kinds alike.
//! The figure is the difference to the first kind within each round: the mean without the outermost fifth at either end, with
//! a confidence interval of 99 % (bootstrap, 4,000 samples). It is measured twice: by the clock, as an attacker sees it, and
//! by the CPU time of this process, which shows finer differences on a busy machine.

#![expect(clippy::print_stdout, reason = "the program prints a table")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "an error ends the measurement")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures of three digits"
)]

use std::{fs, time::Instant};

use aws_lc_rs::rand;

/// Makes a request of each kind in each round, and prints the kinds whose time differs.
pub(crate) fn measure(kinds: &[&str], rounds: usize, mut request: impl FnMut(usize, usize)) {
    let none = vec![vec![0.0; kinds.len()]; rounds];
    let (mut by_clock, mut by_cpu_time) = (none.clone(), none);
    for (round, (clock, processors)) in by_clock.iter_mut().zip(&mut by_cpu_time).enumerate() {
        for kind in shuffled(kinds.len()) {
            let (began, before) = (Instant::now(), cpu_micros());
            request(round, kind);
            clock[kind] = began.elapsed().as_secs_f64() * 1e6;
            processors[kind] = cpu_micros() - before;
        }
    }
    compare("by the clock", kinds, &by_clock);
    compare("by CPU time", kinds, &by_cpu_time);
}

/// Prints the kinds whose time differs from that of a wrong password.
fn compare(measured: &str, kinds: &[&str], times: &[Vec<f64>]) {
    let rounds = times.len();
    println!("{rounds} rounds, {measured}; the difference is to “{}”, in the same round\n", kinds[0]);
    println!("{:22}  {:>12}  {:>14}  {:>26}", "kind", "median, us", "difference, us", "interval of 99 %, us");
    let mut differ = Vec::new();
    let mut resolution: f64 = 0.0;
    for (kind, name) in kinds.iter().enumerate() {
        let median = quantile(&times.iter().map(|row| row[kind]).collect::<Vec<_>>(), 0.5);
        if kind == 0 {
            println!("{name:22}  {median:>12.0}  {:>14}  {:>26}", "-", "-");
            continue;
        }
        let differences: Vec<f64> = times.iter().map(|row| row[kind] - row[0]).collect();
        let (middle, (low, high)) = (trimmed_mean(&differences), interval(&differences));
        resolution = resolution.max((high - low) / 2.0);
        println!("{name:22}  {median:>12.0}  {middle:>14.0}  {:>26}", format!("{low:.0} to {high:.0}"));
        if low > 0.0 || high < 0.0 {
            differ.push(*name);
        }
    }
    if differ.is_empty() {
        println!("\nno difference found; one of {resolution:.0} us would have been found");
    } else {
        println!("\nA DIFFERENCE WAS FOUND: {}", differ.join(", "));
    }
    println!("(each kind has a chance of 1 % to be reported although there is no difference)\n");
}

fn shuffled(number: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..number).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, below(last + 1));
    }
    order
}

pub(crate) fn below(bound: usize) -> usize {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).unwrap();
    (u64::from_le_bytes(bytes) % bound as u64) as usize
}

pub(crate) fn quantile(samples: &[f64], part: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * part) as usize]
}

fn trimmed_mean(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cut = sorted.len() / 5;
    let middle = &sorted[cut..sorted.len() - cut];
    middle.iter().sum::<f64>() / middle.len() as f64
}

fn interval(samples: &[f64]) -> (f64, f64) {
    let mut seed = [0; 8];
    rand::fill(&mut seed).unwrap();
    let mut state = u64::from_le_bytes(seed);
    let mut index = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % samples.len() as u64) as usize
    };
    let means: Vec<f64> = (0..4000)
        .map(|_| trimmed_mean(&(0..samples.len()).map(|_| samples[index()]).collect::<Vec<_>>()))
        .collect();
    (quantile(&means, 0.005), quantile(&means, 0.995))
}

/// CPU time of all threads of this process in microseconds.
fn cpu_micros() -> f64 {
    let of_thread = |entry: std::io::Result<fs::DirEntry>| {
        let text = fs::read_to_string(entry.unwrap().path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(0.0) / 1e3
    };
    fs::read_dir("/proc/self/task").unwrap().map(of_thread).sum()
}
