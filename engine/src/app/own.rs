//! What plugins keep with a spark, beside the state of the application.

use super::spark::Spark;

impl Spark<'_> {
    /// Keeps a value with the spark for a plugin, in the place of the one of this type. Unlike the
    /// state of the application ([`Spark::set_state`]) there is one of each type, so a plugin uses
    /// a type of its own. It is dropped when the spark has ended, after its `disconnection`.
    ///
    /// ```
    /// struct Count(u64);
    ///
    /// fn counted(spark: &mut allspark_engine::Spark<'_>) {
    ///     match spark.own_mut::<Count>() {
    ///         Some(count) => count.0 += 1,
    ///         None => spark.set_own(Count(1)),
    ///     }
    /// }
    /// ```
    pub fn set_own<V: 'static>(&mut self, value: V) {
        self.extras().values.set_own(value);
    }

    /// The value of this type that a plugin keeps with the spark.
    pub fn own<V: 'static>(&self) -> Option<&V> {
        self.inner().extras.as_ref()?.values.own()
    }

    /// The same, to be changed.
    pub fn own_mut<V: 'static>(&mut self) -> Option<&mut V> {
        let extras = self.host.spark_mut(self.key).extras.as_mut()?;
        extras.values.own_mut()
    }

    /// Takes the value of this type.
    pub fn take_own<V: 'static>(&mut self) -> Option<V> {
        let extras = self.host.spark_mut(self.key).extras.as_mut()?;
        let value = extras.values.take_own();
        self.host.spark_mut(self.key).tidy_extras();
        value
    }

    /// Says that a plugin keeps so many bytes more for the client of this spark. Whatever a client
    /// can make grow counts for [`memory_bytes_max`](crate::Options::memory_bytes_max): while the
    /// server holds more than that, a client that grows beyond its share is ended. What is left is
    /// taken off when the spark ends.
    ///
    /// ```
    /// struct Names(Vec<String>);
    ///
    /// fn remember(spark: &mut allspark_engine::Spark<'_>, name: &str) {
    ///     if let Some(Names(names)) = spark.own_mut() {
    ///         names.push(name.to_owned());
    ///         spark.charge(size_of::<String>() + name.len());
    ///     }
    /// }
    /// ```
    pub fn charge(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let extras = self.extras();
        extras.kept = extras.kept.saturating_add(bytes);
        self.host.kept(self.key);
    }

    /// Says that a plugin keeps so many bytes less. See [`Spark::charge`].
    pub fn discharge(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let state = self.host.spark_mut(self.key);
        if let Some(extras) = &mut state.extras {
            extras.kept = extras.kept.saturating_sub(bytes);
            state.tidy_extras();
            self.host.kept(self.key);
        }
    }
}
