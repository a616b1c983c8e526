//! Defines the branches of the representation that the tasks read.

use super::Shared;

/// The branches of the representation that the tasks read: one tensor for all tasks in a plain step, a leaf for each
/// task where the gradient of each task is measured.
///
/// The heads run once in either case. A head must read the branch of its own task: a gradient through the branch of
/// another task counts as the gradient of the other task.
#[derive(Clone, Debug)]
pub struct Branches<S> {
    form: Form<S>,
    tasks: usize,
}

#[derive(Clone, Debug)]
enum Form<S> {
    Together(S),
    Apart(Vec<S>),
}

impl<S: Shared> Branches<S> {
    /// Creates branches from one representation that all of `tasks` tasks read.
    pub fn together(shared: S, tasks: usize) -> Self {
        let form = Form::Together(shared);
        Self { form, tasks }
    }

    /// Creates branches from a representation for each task, in the order of the tasks.
    pub fn separate(branches: Vec<S>) -> Self {
        Self {
            tasks: branches.len(),
            form: Form::Apart(branches),
        }
    }

    /// Returns the number of tasks, K.
    pub fn len(&self) -> usize {
        self.tasks
    }

    /// Returns whether there are no tasks, which no set of tasks allows.
    pub fn is_empty(&self) -> bool {
        self.tasks == 0
    }

    /// Returns whether every task has its own branch.
    pub fn is_separate(&self) -> bool {
        matches!(self.form, Form::Apart(_))
    }

    /// Returns the branch of a task by its position.
    ///
    /// # Panics
    ///
    /// If `task` is not below [`len`](Self::len).
    pub fn of(&self, task: usize) -> S {
        self.check(task);
        match &self.form {
            Form::Together(shared) => shared.clone(),
            Form::Apart(branches) => branches[task].clone(),
        }
    }

    fn check(&self, task: usize) {
        assert!(
            task < self.tasks,
            "task {task} has no branch: there are {} tasks, counted from 0",
            self.tasks
        );
    }

    /// Returns the branches of all tasks in their order.
    ///
    /// # Panics
    ///
    /// If the number of tasks is not `K`.
    pub fn each<const K: usize>(self) -> [S; K] {
        assert_eq!(
            K, self.tasks,
            "{K} branches were asked for, but there are {} tasks",
            self.tasks
        );
        std::array::from_fn(|task| self.of(task))
    }

    /// Returns the branches of all tasks in their order, for a number of tasks known at run time.
    pub fn all(self) -> Vec<S> {
        (0..self.tasks).map(|task| self.of(task)).collect()
    }

    /// Runs a stage that several tasks share behind the representation, and returns its result for each of `tasks`.
    ///
    /// The stage runs once if all branches are one tensor, and once for each of `tasks` if the branches are separate.
    /// The parameters of the stage get the sum of these tasks' gradients, weighted like the gradients of the heads.
    ///
    /// # Panics
    ///
    /// If a position in `tasks` is not below [`len`](Self::len).
    ///
    /// # Example
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use equipoise::model::Branches;
    ///
    /// let shared = Branches::together(Tensor::<2>::ones([4, 8], &Device::flex()), 3);
    /// // Tasks 0 and 2 read a mean, task 1 reads all elements.
    /// let [first, third] = shared.map([0, 2], |x| x.mean_dim(1));
    /// let second = shared.of(1);
    /// assert_eq!((first.dims(), second.dims(), third.dims()), ([4, 1], [4, 8], [4, 1]));
    /// ```
    pub fn map<const N: usize, T: Clone>(
        &self,
        tasks: [usize; N],
        stage: impl Fn(S) -> T,
    ) -> [T; N] {
        tasks.into_iter().for_each(|task| self.check(task));
        if self.is_separate() || N == 0 {
            return tasks.map(|task| stage(self.of(task)));
        }
        let once = stage(self.of(tasks[0]));
        tasks.map(|_| once.clone())
    }
}
