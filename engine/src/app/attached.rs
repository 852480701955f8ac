//! What layers have attached to the request that opened a spark.

use super::spark::Spark;
use crate::layers::Notes;

impl Spark<'_> {
    /// The value of this type that a layer has attached to the request which opened the spark
    /// ([`LayerRequest::attach`](crate::LayerRequest::attach)). It is kept until the spark has
    /// ended, after its `disconnection`.
    ///
    /// ```
    /// struct User(String);
    ///
    /// fn connected(spark: &mut allspark_engine::Spark<'_>) {
    ///     let name = spark.attached::<User>().map(|user| user.0.clone());
    ///     spark.write(name.unwrap_or_default());
    /// }
    /// ```
    #[doc(alias = "request")]
    pub fn attached<V: 'static>(&self) -> Option<&V> {
        let extras = self.host.spark(self.key).extras.as_ref()?;
        extras.notes.as_ref()?.attached()
    }

    /// The same, to be changed.
    pub fn attached_mut<V: 'static>(&mut self) -> Option<&mut V> {
        self.notes()?.attached_mut()
    }

    /// Takes the value of this type.
    pub fn take_attached<V: 'static>(&mut self) -> Option<V> {
        let value = self.notes()?.take_attached();
        let state = self.host.spark_mut(self.key);
        if let Some(extras) = &mut state.extras {
            // Its address and headers were used when the spark was opened.
            extras.notes.take_if(|notes| notes.has_nothing_attached());
            state.tidy_extras();
        }
        value
    }

    fn notes(&mut self) -> Option<&mut Notes> {
        let extras = self.host.spark_mut(self.key).extras.as_mut()?;
        extras.notes.as_deref_mut()
    }
}
