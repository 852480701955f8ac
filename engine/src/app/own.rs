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
}
