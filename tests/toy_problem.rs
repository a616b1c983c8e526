//! Each method goes where the field's toy problem says it goes.
//!
//! Two losses of two numbers, with narrow valleys on the way to the Pareto set (CAGrad, Nash-MTL and FAMO show it in
//! their figures). `fixtures/field/toy.json` was computed by its generator with closed forms for two tasks:
//!
//! ```python
//! direction = np.einsum("sk,skd->sd", weights, jacobian)
//! m, v = 0.9 * m + 0.1 * direction, 0.999 * v + 0.001 * direction**2
//! x = x - 1e-3 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)      # 50,000 times
//! target = np.interp(x[:, 0], front[:, 0], front[:, 1])
//! reached = (np.abs(x[:, 1] - target) <= 0.05) & (np.abs(x[:, 0]) <= 7.05)
//! ```
//!
//! The path along a valley is chaotic, so the last bit of a logarithm can decide how soon it is left. Of 70 outcomes
//! two depend on it: `mean` from the first start arrives within 50,000 steps from 11 of 12 points 1e-9 apart, `config`
//! from the third from 1 of 12. So where an outcome differs, points 1e-9 beside the start are tried.
//!
//! Here the library's methods give the weights, from the Gram matrix of the exact gradients. At a point where a method
//! has no answer it stands still.

use equipoise::weighting::gram::{Answer, Degenerate, GramMatrix};
use equipoise::weighting::gram::{
    aligned, cagrad, con_fig, dual_proj, equal, imtl_g, mgda, nash, pcgrad, upgrad,
};
use serde_json::Value;

const SCALE: f64 = 0.1;
const STEPS: i32 = 50_000;
/// What the losses never go below, known to the methods that need it.
const FLOORS: [f64; 2] = [-21.0 * SCALE, -21.0];

type Pair = [f64; 2];

/// The two losses and their gradients at `x`. At `x2 = 0` both one-sided slopes are added.
fn toy(x: Pair) -> (Pair, [Pair; 2]) {
    let [x1, x2] = x;
    let (tanh, half) = (x2.tanh(), (x2 / 2.0).tanh());
    let (slope, half_slope) = (1.0 - tanh * tanh, (1.0 - half * half) / 2.0);
    let (a, b) = (0.5 * (-x1 - 7.0) + tanh, 0.5 * (-x1 + 3.0) - tanh + 2.0);
    let logarithm = |z: f64| z.abs().max(5e-6).ln() + 6.0;
    let inside = |z: f64| if z.abs() >= 5e-6 { 1.0 / z } else { 0.0 };
    let (up, down) = (half.max(0.0), (-half).max(0.0));
    let up_slope = if half >= 0.0 { half_slope } else { 0.0 };
    let down_slope = if half <= 0.0 { -half_slope } else { 0.0 };
    let q = ((7.0 - x1).powi(2) + 0.1 * (x2 + 8.0).powi(2)) / 10.0 - 20.0;
    let r = ((7.0 + x1).powi(2) + 0.1 * (x2 + 8.0).powi(2)) / 10.0 - 20.0;
    let losses = [
        SCALE * (logarithm(a) * up + q * down),
        logarithm(b) * up + r * down,
    ];
    let first = [
        -0.5 * inside(a) * up - (7.0 - x1) / 5.0 * down,
        slope * inside(a) * up
            + logarithm(a) * up_slope
            + 0.02 * (x2 + 8.0) * down
            + q * down_slope,
    ];
    let second = [
        -0.5 * inside(b) * up + (7.0 + x1) / 5.0 * down,
        -slope * inside(b) * up
            + logarithm(b) * up_slope
            + 0.02 * (x2 + 8.0) * down
            + r * down_slope,
    ];
    (losses, [first.map(|value| SCALE * value), second])
}

/// What gives the weights of a step from the Gram matrix and the losses; it may remember.
type Weights = Box<dyn FnMut(&GramMatrix, Pair) -> Pair + Send>;

fn from_gram(solve: fn(&GramMatrix) -> Result<Answer, Degenerate>) -> Weights {
    Box::new(move |gram, _| {
        solve(gram).map_or([0.0; 2], |answer| [answer.weights[0], answer.weights[1]])
    })
}

/// Nash-MTL, its combined gradient clipped to length one as in the publication's program.
fn clipped_nash(gram: &GramMatrix) -> Result<Answer, Degenerate> {
    let mut answer = nash::weights(gram)?;
    let length = gram.quadratic(&answer.weights).sqrt();
    answer
        .weights
        .iter_mut()
        .for_each(|weight| *weight /= length.max(1.0));
    Ok(answer)
}

fn softmax(x: Pair) -> Pair {
    let top = x[0].max(x[1]);
    let e = x.map(|value| (value - top).exp());
    e.map(|value| value / (e[0] + e[1]))
}

/// Smooth Tchebycheff scalarisation, mu 1.
fn stch(_: &GramMatrix, losses: Pair) -> Pair {
    softmax([(losses[0] - FLOORS[0]) / 2.0, (losses[1] - FLOORS[1]) / 2.0])
        .map(|weight| weight / 2.0)
}

fn log_sum(_: &GramMatrix, losses: Pair) -> Pair {
    [1.0 / (losses[0] - FLOORS[0]), 1.0 / (losses[1] - FLOORS[1])]
}

/// FAMO with Adam 0.025 on its logits and L2 `gamma`; the losses of the next step serve as those after this one.
fn famo(gamma: f64) -> Weights {
    let (mut logits, mut adam) = ([0.0; 2], Adam::new(0.025));
    let mut last: Option<(Pair, Pair)> = None;
    Box::new(move |_, losses| {
        let shifted = [losses[0] - FLOORS[0] + 1e-8, losses[1] - FLOORS[1] + 1e-8];
        if let Some((z, before)) = last {
            let delta = [
                before[0].ln() - shifted[0].ln(),
                before[1].ln() - shifted[1].ln(),
            ];
            let mean = z[0] * delta[0] + z[1] * delta[1];
            let gradient = [0, 1].map(|k| z[k] * (delta[k] - mean) + gamma * logits[k]);
            adam.step(&mut logits, gradient);
        }
        let z = softmax(logits);
        last = Some((z, shifted));
        let part = [z[0] / shifted[0], z[1] / shifted[1]];
        part.map(|value| value / (part[0] + part[1]))
    })
}

/// The methods of the fixture by its names. `upgrad_torchjd` there is UPGrad with a regularised solver: not ours.
fn weights(name: &str) -> Option<Weights> {
    Some(match name {
        "mean" => from_gram(equal::mean),
        "mgda" => from_gram(mgda::min_norm),
        "pcgrad" => from_gram(|g| pcgrad::weights(g, &pcgrad::ascending(2))),
        "upgrad" => from_gram(upgrad::weights),
        "dualproj" => from_gram(dual_proj::weights),
        "cagrad_0.4" => from_gram(|g| cagrad::weights(g, 0.4)),
        "imtl_g" => from_gram(imtl_g::weights),
        "nash" => from_gram(clipped_nash),
        "aligned_min" => {
            from_gram(|g| aligned::weights(g, aligned::Scale::Min, 2.0 * f64::EPSILON))
        }
        "config" => from_gram(con_fig::weights),
        "stch_mu_1" => Box::new(stch),
        "log_sum" => Box::new(log_sum),
        "famo_gamma_0" => famo(0.0),
        "famo_gamma_0.001" => famo(1e-3),
        _ => return None,
    })
}

struct Adam {
    rate: f64,
    steps: i32,
    mean: Pair,
    square: Pair,
}

impl Adam {
    fn new(rate: f64) -> Self {
        Self {
            rate,
            steps: 0,
            mean: [0.0; 2],
            square: [0.0; 2],
        }
    }

    fn step(&mut self, x: &mut Pair, gradient: Pair) {
        self.steps += 1;
        for k in 0..2 {
            self.mean[k] = 0.9 * self.mean[k] + 0.1 * gradient[k];
            self.square[k] = 0.999 * self.square[k] + 0.001 * gradient[k] * gradient[k];
            let mean = self.mean[k] / (1.0 - 0.9f64.powi(self.steps));
            let square = self.square[k] / (1.0 - 0.999f64.powi(self.steps));
            x[k] -= self.rate * mean / (square.sqrt() + 1e-8);
        }
    }
}

/// Where a method ends from `start`.
fn run(mut weights: Weights, start: Pair) -> Pair {
    let (mut x, mut adam) = (start, Adam::new(1e-3));
    for _ in 0..STEPS {
        let (losses, [g, h]) = toy(x);
        let product = g[0] * h[0] + g[1] * h[1];
        let gram = GramMatrix::new(
            2,
            vec![
                g[0] * g[0] + g[1] * g[1],
                product,
                product,
                h[0] * h[0] + h[1] * h[1],
            ],
        );
        let [v, w] = weights(&gram, losses);
        adam.step(&mut x, [v * g[0] + w * h[0], v * g[1] + w * h[1]]);
    }
    x
}

fn pairs(value: &Value) -> Vec<Pair> {
    let pair = |value: &Value| [0, 1].map(|k| value[k].as_f64().expect("a number"));
    value.as_array().expect("a list").iter().map(pair).collect()
}

/// The height of the Pareto set at `x1`, between the points of the fixture.
fn front_at(front: &[Pair], x1: f64) -> f64 {
    let x1 = x1.clamp(front[0][0], front[front.len() - 1][0]);
    let right = front
        .iter()
        .position(|point| point[0] >= x1)
        .unwrap_or(front.len() - 1)
        .max(1);
    let ([left_x, left_y], [right_x, right_y]) = (front[right - 1], front[right]);
    left_y + (x1 - left_x) / (right_x - left_x) * (right_y - left_y)
}

/// The fixture's two criteria: near the Pareto set, and near its height in the middle.
fn reached(front: &[Pair], [x1, x2]: Pair) -> [bool; 2] {
    [
        (x2 - front_at(front, x1)).abs() <= 0.05 && x1.abs() <= 7.05,
        (x2 + 8.3552).abs() <= 0.1,
    ]
}

#[test]
#[cfg_attr(debug_assertions, ignore = "3.5 million steps; run with --release")]
fn every_method_ends_where_the_fixture_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/field/toy.json");
    let text = std::fs::read_to_string(path).expect("the field's fixture is there");
    let document: Value = serde_json::from_str(&text).expect("the field's fixture is JSON");
    let (starts, mut front) = (
        pairs(&document["starts"]),
        pairs(&document["front"]["x1_x2"]),
    );
    front.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let methods = document["methods"].as_object().expect("an object");
    let unknown: Vec<&String> = methods
        .keys()
        .filter(|name| weights(name).is_none())
        .collect();
    assert_eq!(
        unknown,
        ["upgrad_torchjd"],
        "a method of the fixture is not run here"
    );

    let ended: Vec<(&String, Vec<Pair>)> = std::thread::scope(|scope| {
        let runs: Vec<_> = methods
            .keys()
            .filter(|name| weights(name).is_some())
            .map(|name| {
                let starts = &starts;
                let ends = move || {
                    starts
                        .iter()
                        .filter_map(|&start| Some(run(weights(name)?, start)))
                        .collect()
                };
                (name, scope.spawn(ends))
            })
            .collect();
        runs.into_iter()
            .map(|(name, run)| (name, run.join().expect("the run ends")))
            .collect()
    });

    let mut failures = Vec::new();
    for (name, ends) in ended {
        let expected = &methods[name];
        for (i, (&end, wanted)) in ends.iter().zip(pairs(&expected["final_x"])).enumerate() {
            let outcome = ["reached", "reached_brief"].map(|key| expected[key][i] == true);
            println!(
                "{name:18} start {i}: ({:8.4}, {:8.4}), fixture ({:8.4}, {:8.4})",
                end[0], end[1], wanted[0], wanted[1]
            );
            let nearby = |&distance: &f64| {
                let end = weights(name)
                    .map(|weights| run(weights, [starts[i][0] + distance, starts[i][1]]));
                println!("{name:18} start {i}, {distance:e} beside it: {end:?}");
                end.is_some_and(|end| reached(&front, end) == outcome)
            };
            if reached(&front, end) != outcome && ![1e-9, 2e-9, 3e-9, 4e-9].iter().any(nearby) {
                failures.push(format!(
                    "{name} from {:?} ends at {end:?}, in the fixture at {wanted:?}",
                    starts[i]
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
