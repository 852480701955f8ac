//! Names of rooms, as applications write them.

use std::collections::HashSet;

use super::target::Names;

/// Names of rooms: text, in which spaces separate names, a number, or a list of these.
///
/// ```
/// fn joins(spark: &mut allspark_engine::Spark<'_>) -> Result<(), allspark_engine::RoomError> {
///     spark.join("news sports")?;
///     spark.join(["news", "weather"])?;
///     spark.join(7)
/// }
/// ```
pub trait RoomNames {
    /// Calls with each name.
    fn each_name(&self, call: &mut dyn FnMut(&str));
}

/// Names that are compared with all others. Beyond that a set is made of them.
const COMPARED_MAX: usize = 16;

/// Adds names to a list, each once.
pub(super) fn add(names: &mut Names, more: &(impl RoomNames + ?Sized)) {
    let (mut compared, mut set) = (0, HashSet::<Box<str>>::new());
    more.each_name(&mut |name| {
        compared += 1;
        if compared == COMPARED_MAX {
            set.extend(names.iter().cloned());
        }
        let is_new = match compared < COMPARED_MAX {
            true => names.iter().all(|known| **known != *name),
            false => !set.contains(name) && set.insert(name.into()),
        };
        if is_new {
            names.push(name.into());
        }
    });
}

pub(super) fn list(names: &(impl RoomNames + ?Sized)) -> Names {
    let mut list = Names::new();
    add(&mut list, names);
    list
}

impl RoomNames for str {
    fn each_name(&self, call: &mut dyn FnMut(&str)) {
        self.split(' ')
            .filter(|name| !name.is_empty())
            .for_each(call);
    }
}

impl RoomNames for String {
    fn each_name(&self, call: &mut dyn FnMut(&str)) {
        self.as_str().each_name(call);
    }
}

impl<N: RoomNames + ?Sized> RoomNames for &N {
    fn each_name(&self, call: &mut dyn FnMut(&str)) {
        (**self).each_name(call);
    }
}

impl<N: RoomNames + ?Sized> RoomNames for Box<N> {
    fn each_name(&self, call: &mut dyn FnMut(&str)) {
        (**self).each_name(call);
    }
}

impl<N: RoomNames> RoomNames for [N] {
    fn each_name(&self, call: &mut dyn FnMut(&str)) {
        self.iter().for_each(|names| names.each_name(call));
    }
}

impl<N: RoomNames, const COUNT: usize> RoomNames for [N; COUNT] {
    fn each_name(&self, call: &mut dyn FnMut(&str)) {
        self.as_slice().each_name(call);
    }
}

impl<N: RoomNames> RoomNames for Vec<N> {
    fn each_name(&self, call: &mut dyn FnMut(&str)) {
        self.as_slice().each_name(call);
    }
}

/// Nothing is no room.
impl RoomNames for () {
    fn each_name(&self, _: &mut dyn FnMut(&str)) {}
}

macro_rules! number_names {
    ($($number:ty),*) => {$(
        impl RoomNames for $number {
            fn each_name(&self, call: &mut dyn FnMut(&str)) {
                call(&self.to_string());
            }
        }
    )*};
}

number_names!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_numbers_or_lists() {
        let names = |names: &dyn Fn() -> Names| names().join("|");
        assert_eq!(names(&|| list("a  b a ")), "a|b");
        assert_eq!(names(&|| list(&["a", "b c"])), "a|b|c");
        assert_eq!(names(&|| list(&vec![String::from("x"), "y".into()])), "x|y");
        assert_eq!(names(&|| list(&[1, 20])), "1|20");
        assert_eq!(names(&|| list(&())), "");
    }

    /// If each were compared with all others this would take minutes.
    #[test]
    fn many_names_are_listed_once_each_in_their_order() {
        let many: Vec<u32> = (0..200_000).map(|number| number % 150_000).collect();
        let mut names = list(&["first", "7"]);
        add(&mut names, &many);
        assert_eq!(names.len(), 150_001);
        assert_eq!(names[..4].join("|"), "first|7|0|1");
        assert_eq!(&*names[150_000], "149999");
    }
}
