//! Every method of the Gram matrix gives the exact weights of the field's fixture.
//!
//! The numbers are `fixtures/field/gramian.json`, computed by its generator in rational or 80-digit arithmetic from the
//! papers' definitions, not by another library:
//!
//! ```python
//! least = min_norm_weights(gram)                           # every support tried in fractions
//! rows = [dual_cone_weights(gram, [Fraction(1, k) if i == r else Fraction(0) for i in range(k)]) for r in range(k)]
//! found = cagrad_weights(gram, c)                          # KKT per support, 80 digits
//! found = None if norm2 == 0 else fair_weights(gram, 1 / mp.mpf(alpha))
//! v = mp.lu_solve(g, mp.matrix([mp.sqrt(g[i, i]) for i in range(k)])); v / sum(v)     # imtl_g
//! values, vectors = mp.eigsy(g)                            # aligned, with the true rank
//! put("config", entry(config_weights(gram_float), jacobian), full)
//! ```

use std::collections::BTreeMap;

use equipoise::weighting::gram::{Answer, Degenerate, GramMatrix};
use equipoise::weighting::gram::{
    aligned, cagrad, con_fig, dual_proj, fair_grad, grad_norm, gradvac, imtl_g, mgda, nash, pcgrad,
    upgrad,
};
use serde_json::Value;

/// Eigenvalues below this part of the largest count as zero in `aligned`: the rank in the fixture is the true one.
const RANK: f64 = 1e-12;
/// Rows of lengths 2^-20, 1, 2^20: the eigenvalues of the unscaled matrix are not asked for by the fixture.
const WILD: &str = "k3_wild";

/// Keys of the fixture that this library has no method for.
const NOT_ASKED_FOR: [&str; 3] = [
    "pcd_first_call",
    "sdmgrad_first_call",
    "graddrop_expectation",
];

type Solved = Result<Answer, Degenerate>;
type Method = (&'static str, fn(&GramMatrix) -> Solved);

/// One row a method: its key in the fixture, and what it is here.
fn methods() -> Vec<Method> {
    vec![
        ("mgda", mgda::min_norm),
        ("mgda_l2", |g| mgda::normalised(g, &g.norms())),
        ("upgrad", upgrad::weights),
        ("dualproj", dual_proj::weights),
        ("cagrad_0.4", |g| cagrad::weights(g, 0.4)),
        ("cagrad_0.5", |g| cagrad::weights(g, 0.5)),
        ("nash", nash::weights),
        ("fairgrad_1", |g| fair_grad::weights(g, 1.0)),
        ("fairgrad_2", |g| fair_grad::weights(g, 2.0)),
        ("fairgrad_0.5", |g| fair_grad::weights(g, 0.5)),
        ("imtl_g", imtl_g::weights),
        ("aligned_min", |g| {
            aligned::weights(g, aligned::Scale::Min, RANK)
        }),
        ("aligned_median", |g| {
            aligned::weights(g, aligned::Scale::Median, RANK)
        }),
        ("aligned_rmse", |g| {
            aligned::weights(g, aligned::Scale::Rmse, RANK)
        }),
        ("config", con_fig::weights),
        ("gradvac_first_call", |g| {
            let mut targets = vec![0.0; g.len() * g.len()];
            gradvac::weights(g, &mut targets, 0.5, &pcgrad::ascending(g.len()))
        }),
        ("pcgrad_ascending", |g| {
            pcgrad::weights(g, &pcgrad::ascending(g.len()))
        }),
    ]
}

fn document() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/field/gramian.json"
    );
    let text = std::fs::read_to_string(path).expect("the field's fixture is there");
    serde_json::from_str(&text).expect("the field's fixture is JSON")
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("not a number: {value}"))
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap_or_else(|| panic!("not a list: {value}"))
        .iter()
        .map(number)
        .collect()
}

fn table(value: &Value) -> Vec<Vec<f64>> {
    value
        .as_array()
        .unwrap_or_else(|| panic!("not a list: {value}"))
        .iter()
        .map(numbers)
        .collect()
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value
        .as_object()
        .unwrap_or_else(|| panic!("not an object: {value}"))
        .iter()
}

fn gram_of(jacobian: &[Vec<f64>]) -> GramMatrix {
    let product = |a: &Vec<f64>, b: &Vec<f64>| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let values = jacobian
        .iter()
        .flat_map(|a| jacobian.iter().map(move |b| product(a, b)))
        .collect();
    GramMatrix::new(jacobian.len(), values)
}

fn combine(weights: &[f64], jacobian: &[Vec<f64>]) -> Vec<f64> {
    let column = |d: usize| {
        weights
            .iter()
            .zip(jacobian)
            .map(|(weight, row)| weight * row[d])
            .sum()
    };
    (0..jacobian[0].len()).map(column).collect()
}

fn length(vector: &[f64]) -> f64 {
    vector.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// The gap of the combined vector over the length of the exact one. Where that is rounding next to its parts, over the
/// longest part, and where there are none, over the longest gradient.
fn combined_gap(weights: &[f64], exact: &Value, jacobian: &[Vec<f64>]) -> f64 {
    let wanted = numbers(&exact["combined"]);
    let parts = numbers(&exact["weights"]);
    let gap: Vec<f64> = combine(weights, jacobian)
        .iter()
        .zip(&wanted)
        .map(|(a, b)| a - b)
        .collect();
    let longest = jacobian.iter().map(|row| length(row)).fold(0.0, f64::max);
    let longest_part = jacobian
        .iter()
        .zip(parts)
        .map(|(row, weight)| length(row) * weight.abs())
        .fold(0.0, f64::max);
    let sizes = [length(&wanted), longest_part, longest];
    length(&gap)
        / sizes
            .into_iter()
            .find(|size| *size > 1e-6 * longest_part)
            .unwrap_or(1.0)
}

/// The largest gap of a weighted gradient over the longest weighted gradient.
fn weights_gap(weights: &[f64], exact: &[f64], gram: &GramMatrix) -> f64 {
    let longest = (0..gram.len())
        .map(|i| exact[i].abs() * gram.norm(i))
        .fold(0.0, f64::max);
    let gap = (0..gram.len())
        .map(|i| (weights[i] - exact[i]).abs() * gram.norm(i))
        .fold(0.0, f64::max);
    if longest > 0.0 { gap / longest } else { gap }
}

/// The first number of a text such as `1e-9; LibMTL ..`.
fn tolerance(text: &Value) -> f64 {
    let text = text.as_str().expect("a tolerance is text");
    let word = text.split([';', ' ']).next().unwrap_or_default();
    word.parse()
        .unwrap_or_else(|_| panic!("no tolerance in {text}"))
}

#[test]
fn exact_answers() {
    let document = document();
    let mut worst: BTreeMap<&str, (f64, String)> = BTreeMap::new();
    let mut failures = Vec::new();
    for (name, case) in object(&document["cases"]) {
        let jacobian = table(&case["jacobian"]);
        let values = table(&case["gramian"]).concat();
        let gram = GramMatrix::new(jacobian.len(), values);
        for (method, solve) in methods() {
            let Some(exact) = case["results"]
                .get(method)
                .and_then(|result| result.get("exact"))
            else {
                continue;
            };
            if name == WILD && method.starts_with("aligned") {
                continue;
            }
            let solved = solve(&gram);
            if exact.get("none").is_some() {
                assert!(
                    solved.is_err(),
                    "{name} {method}: there is no answer, but {solved:?}"
                );
                continue;
            }
            let answer = solved.unwrap_or_else(|why| panic!("{name} {method}: {}", why.words()));
            let mut gap = combined_gap(&answer.weights, exact, &jacobian);
            if exact["unique"] == true {
                gap = gap.max(weights_gap(
                    &answer.weights,
                    &numbers(&exact["weights"]),
                    &gram,
                ));
            }
            let entry = worst.entry(method).or_default();
            if gap >= entry.0 {
                *entry = (gap, name.clone());
            }
            if gap.is_nan() || gap > tolerance(&document["methods"][method]["tolerance"]) {
                failures.push(format!(
                    "{name} {method}: {gap:.2e} off, {answer:?} for {exact}"
                ));
            }
        }
    }
    for (method, (gap, case)) in &worst {
        println!("{method:20} largest gap {gap:.1e} ({case})");
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Where the fixture has no exact answer, the reason is said.
#[test]
fn degenerate_cases_are_named() {
    let document = document();
    let gram = |case: &str| gram_of(&table(&document["cases"][case]["jacobian"]));
    for case in ["k2_opposite", "k3_stationary", "k3_zero_row"] {
        assert_eq!(
            mgda::min_norm(&gram(case)).unwrap().flag,
            Some(Degenerate::Stationary),
            "{case}"
        );
    }
    for case in ["k2_opposite", "k3_stationary"] {
        assert_eq!(
            nash::weights(&gram(case)),
            Err(Degenerate::Stationary),
            "{case}"
        );
        assert_eq!(
            upgrad::weights(&gram(case)).unwrap().flag,
            Some(Degenerate::Stationary),
            "{case}"
        );
        assert_eq!(
            dual_proj::weights(&gram(case)).unwrap().flag,
            Some(Degenerate::Stationary),
            "{case}"
        );
        assert_eq!(
            imtl_g::weights(&gram(case)),
            Err(Degenerate::Singular),
            "{case}"
        );
    }
    assert_eq!(
        nash::weights(&gram("k3_zero_row")),
        Err(Degenerate::NoSolution)
    );
    assert_eq!(
        cagrad::weights(&gram("k3_zero_row"), 0.4),
        Err(Degenerate::Stationary)
    );
    assert_eq!(
        imtl_g::weights(&gram("k3_zero_row")),
        Err(Degenerate::Singular)
    );
    assert_eq!(
        imtl_g::weights(&gram("k3_plane")),
        Err(Degenerate::Singular)
    );
    assert_eq!(
        imtl_g::weights(&gram("k8_rank3")),
        Err(Degenerate::Singular)
    );
    let equal = imtl_g::weights(&gram("k3_identical")).unwrap();
    assert_eq!(equal.flag, Some(Degenerate::Singular));
    assert!(
        equal
            .weights
            .iter()
            .all(|weight| (weight - 1.0 / 3.0).abs() < 1e-12),
        "{equal:?}"
    );
    assert_eq!(
        con_fig::weights(&gram("k2_opposite")).unwrap().flag,
        Some(Degenerate::Stationary)
    );
}

/// Rows of lengths 2^-20, 1, 2^20: with a rank tolerance of zero even the eigenvalues keep their digits.
#[test]
fn wild_rows_are_aligned_too() {
    let document = document();
    let case = &document["cases"][WILD];
    let gram = GramMatrix::new(3, table(&case["gramian"]).concat());
    for (key, scale) in [
        ("aligned_min", aligned::Scale::Min),
        ("aligned_median", aligned::Scale::Median),
        ("aligned_rmse", aligned::Scale::Rmse),
    ] {
        let exact = numbers(&case["results"][key]["exact"]["weights"]);
        let answer = aligned::weights(&gram, scale, 0.0).unwrap();
        let gap = weights_gap(&answer.weights, &exact, &gram);
        println!("{key:20} gap {gap:.1e} ({WILD})");
        assert!(gap < 1e-8, "{key}: {gap:.2e}, {answer:?} for {exact:?}");
    }
}

/// Every order of the others for every task, and the mean over them.
#[test]
fn every_order_of_pcgrad() {
    let document = document();
    let (mut checked, mut worst) = (0, 0.0f64);
    for (name, case) in object(&document["cases"]) {
        let Some(result) = case["results"].get("pcgrad_orders") else {
            continue;
        };
        let jacobian = table(&case["jacobian"]);
        let gram = GramMatrix::new(jacobian.len(), table(&case["gramian"]).concat());
        let mut mean = vec![0.0; gram.len()];
        for (task, rows) in result["rows"].as_array().unwrap().iter().enumerate() {
            let rows = rows.as_array().unwrap();
            for row in rows {
                let order: Vec<usize> = numbers(&row["order"])
                    .iter()
                    .map(|&other| other as usize)
                    .collect();
                let parts = pcgrad::projected(&gram, task, &order);
                let gap = weights_gap(&parts, &numbers(&row["coefficients"]), &gram);
                worst = worst.max(gap);
                assert!(
                    gap < 1e-12,
                    "{name}, task {task}, order {order:?}: {gap:.2e}"
                );
                for (value, part) in mean.iter_mut().zip(parts) {
                    *value += part / rows.len() as f64;
                }
                checked += 1;
            }
        }
        let exact = numbers(&result["mean"]["weights"]);
        assert!(
            weights_gap(&mean, &exact, &gram) < 1e-12,
            "{name}: {mean:?} for {exact:?}"
        );
    }
    println!("pcgrad_orders: {checked} orders, largest gap {worst:.1e}");
    assert!(checked > 50);
}

/// Three calls in a row: weights, and the cosines that are remembered after each.
#[test]
fn sequences_of_gradvac() {
    let document = document();
    let mut worst = 0.0f64;
    for (name, sequence) in object(&document["sequences"]) {
        let tasks = sequence["tasks"].as_u64().unwrap() as usize;
        let mut targets = vec![0.0; tasks * tasks];
        let calls = sequence["jacobians"].as_array().unwrap();
        for (jacobian, exact) in calls
            .iter()
            .zip(sequence["results"]["gradvac"]["exact"].as_array().unwrap())
        {
            let gram = gram_of(&table(jacobian));
            let answer =
                gradvac::weights(&gram, &mut targets, 0.5, &pcgrad::ascending(tasks)).unwrap();
            let wanted = table(&exact["phi"]).concat();
            let drift = targets
                .iter()
                .zip(&wanted)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f64::max);
            worst = worst.max(drift).max(weights_gap(
                &answer.weights,
                &numbers(&exact["weights"]),
                &gram,
            ));
            assert!(worst < 1e-9, "{name}: {answer:?}, {targets:?} for {exact}");
        }
    }
    println!("gradvac sequences: largest gap {worst:.1e}");
}

/// Three calls in a row on the exact answer of each.
#[test]
fn sequences_of_nash() {
    let document = document();
    for (name, sequence) in object(&document["sequences"]) {
        let exact = sequence["results"]["nash"]["exact"].as_array().unwrap();
        for (jacobian, exact) in sequence["jacobians"].as_array().unwrap().iter().zip(exact) {
            let gram = gram_of(&table(jacobian));
            let gap = weights_gap(
                &nash::weights(&gram).unwrap().weights,
                &numbers(&exact["weights"]),
                &gram,
            );
            assert!(gap < 1e-8, "{name}: {gap:.2e}");
        }
    }
}

/// Ten steps of the publication's rule: weights before each, targets and slopes.
#[test]
fn ten_steps_of_gradnorm() {
    let document = document();
    let close = |got: &[f64], wanted: &Value, what: &str| {
        for (a, b) in got.iter().zip(numbers(wanted)) {
            assert!(
                (a - b).abs() <= 1e-12 * b.abs().max(1.0),
                "{what}: {got:?} for {wanted}"
            );
        }
    };
    for (name, run) in object(&document["gradnorm"]) {
        let (losses, norms) = (table(&run["losses"]), table(&run["norms"]));
        for (key, alpha) in [("paper_alpha_0.12", 0.12), ("paper_alpha_1.5", 1.5)] {
            let mut weights = vec![1.0; losses[0].len()];
            for (t, exact) in run["results"][key].as_array().unwrap().iter().enumerate() {
                let what = format!("{name} {key} step {t}");
                close(&weights, &exact["weights"], &what);
                let targets =
                    grad_norm::targets(&weights, &norms[t], &losses[t], &losses[0], alpha);
                close(&targets, &exact["target"], &what);
                close(
                    &grad_norm::slopes(&weights, &norms[t], &targets),
                    &exact["gradient"],
                    &what,
                );
                grad_norm::update(
                    &mut weights,
                    &norms[t],
                    &losses[t],
                    &losses[0],
                    alpha,
                    0.025,
                );
            }
        }
    }
}

/// A method that is added to the fixture cannot be forgotten here.
#[test]
fn every_method_of_the_fixture_is_known() {
    let document = document();
    let checked: Vec<&str> = methods()
        .into_iter()
        .map(|(name, _)| name)
        .chain(["pcgrad_orders"])
        .collect();
    for (method, _) in object(&document["methods"]) {
        let known = checked.contains(&method.as_str()) || NOT_ASKED_FOR.contains(&method.as_str());
        assert!(
            known,
            "{method} is neither checked nor listed as not asked for"
        );
    }
}
