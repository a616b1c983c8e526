#[path = "../benches/support/waiting.rs"]
#[allow(dead_code)]
mod waiting;
#[path = "../benches/support/work.rs"]
#[allow(dead_code)]
mod work;
use burn::tensor::Device;
use std::time::Instant;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let (size, n): (usize, usize) = (a[2].parse().unwrap(), a[3].parse().unwrap());
    let device = Device::flex();
    let mut times = Vec::new();
    if a[1] == "train" {
        let mut t = work::Training::new(size, &device);
        for _ in 0..n {
            let s = Instant::now();
            t.step();
            times.push(s.elapsed().as_secs_f64() * 1e3);
        }
    } else {
        let net = work::model(&device).network;
        let b = work::batch(size, &device);
        for _ in 0..n {
            let s = Instant::now();
            work::infer(&net, &b);
            times.push(s.elapsed().as_secs_f64() * 1e3);
        }
    }
    times.sort_by(f64::total_cmp);
    println!(
        "{} {} median {:.3} min {:.3}",
        a[1],
        size,
        times[n / 2],
        times[0]
    );
}
