//! Measures the throughput of a signed-in user while the gateway is attacked.
//!
//!     benches/attacks/run                     every attack, about ten minutes
//!     benches/attacks/run --only slow-loris   one of them
//!
//! The gateway is the release binary in its own process, the attackers are a second process, user and upstream are
//! this one. Each round measures the user's requests first without the attack and then with it, so that other load
//! on the machine affects both. The figure is the ratio of the medians. The table names the rate of the attackers;
//! on a machine that they share with the gateway, their own CPU time influences the figure. There is no bound that
//! fails the bench.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the program prints a table")]
#![expect(clippy::unwrap_used, reason = "an error ends the measurement")]
#![expect(clippy::indexing_slicing, reason = "the indices are constants")]

mod attacker;
mod gateway;
mod upstream;
mod user;

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use std::io::{BufRead, BufReader};

use attacker::ATTACKS;
use gateway::Gateway;
use user::User;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [first, name, addr, certificate, connections] = &arguments[..]
        && first == "attack"
    {
        return attacker::run(name, addr, Path::new(certificate), connections.parse().unwrap());
    }
    let plan = Plan::read(&arguments);
    let gateway = Gateway::start(upstream::start());
    let user = User::sign_in(&gateway);
    user.measure(plan.time);
    println!(
        "{} attackers each, {} rounds of {:?} without and {:?} with; the gateway {}\n",
        plan.connections,
        plan.rounds,
        plan.time,
        plan.time,
        if gateway.pinned {
            "has one core, all other processes the second"
        } else {
            "shares all cores with the other processes"
        }
    );
    println!("| attack | rate of all attackers | requests/s without | with | ratio | memory before | with |");
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: |");
    let mut results = Vec::new();
    for attack in ATTACKS.iter().filter(|attack| plan.includes(attack.name)) {
        let before = gateway.memory();
        let (mut without, mut with, mut most) = (Vec::new(), Vec::new(), before);
        for _ in 0..plan.rounds {
            without.push(user.measure(plan.time));
            let attackers = Attackers::start(attack.name, &gateway, plan.connections);
            // The thousand handshakes are over; the buffers that the attackers hold fill up.
            thread::sleep(SETTLE);
            with.push(user.measure(plan.time));
            most = most.max(gateway.memory());
            drop(attackers);
            thread::sleep(SETTLE);
        }
        let (without, with) = (median(without), median(with));
        let ratio = with / without;
        println!(
            "| {} | {} | {without:.0} | {with:.0} | {ratio:.2} | {} MiB | {} MiB |",
            attack.name,
            attack.rate,
            before >> 10,
            most >> 10
        );
        results.push(serde_json::json!({
            "attack": attack.name,
            "rate": attack.rate,
            "connections": plan.connections,
            "requests_per_second_without": without,
            "requests_per_second_with": with,
            "ratio": ratio,
            "resident_kib_before": before,
            "resident_kib_with": most,
        }));
    }
    println!("\nlimits that were reached:\n{}", gateway.limits_reached());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/attacks/output");
    fs::create_dir_all(&folder).unwrap();
    let json = serde_json::json!({ "pinned": gateway.pinned, "attacks": results });
    fs::write(folder.join("attacks.json"), format!("{json:#}\n")).unwrap();
}

/// Command-line options.
struct Plan {
    time: Duration,
    rounds: usize,
    connections: usize,
    only: Option<String>,
}

impl Plan {
    fn read(arguments: &[String]) -> Self {
        let mut plan = Self { time: Duration::from_secs(3), rounds: 3, connections: 1000, only: None };
        for pair in arguments.chunks(2) {
            let [key, value] = pair else { panic!("{pair:?} lacks a value") };
            match key.as_str() {
                "--seconds" => plan.time = Duration::from_secs(value.parse().unwrap()),
                "--rounds" => plan.rounds = value.parse().unwrap(),
                "--connections" => plan.connections = value.parse().unwrap(),
                "--only" => plan.only = Some(value.clone()),
                other => panic!("{other} is none of --seconds, --rounds, --connections, --only"),
            }
        }
        plan
    }

    fn includes(&self, attack: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.split(',').any(|name| name == attack))
    }
}

/// A process of attackers. Dropping it ends the attack.
struct Attackers(std::process::Child);

impl Attackers {
    /// Starts the process and waits until all attackers have begun.
    fn start(name: &str, gateway: &Gateway, connections: usize) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["attack", name, &gateway.addr.to_string()])
            .arg(gateway.certificate())
            .arg(connections.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.trim() != "ready" {
            eprintln!("{name}: the attackers did not begin their attack");
        }
        Self(child)
    }
}

impl Drop for Attackers {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

const SETTLE: Duration = Duration::from_secs(2);

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
