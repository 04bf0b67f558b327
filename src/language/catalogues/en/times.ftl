### Points in time, and spans of it.

# $month is the number of the month.
date-and-time =
    { $day } { $month ->
        [1] January
        [2] February
        [3] March
        [4] April
        [5] May
        [6] June
        [7] July
        [8] August
        [9] September
        [10] October
        [11] November
       *[12] December
    } { $year }, { $hour }:{ $minute } UTC

## The time since something.

ago-just-now = just now
ago-minutes =
    { $number ->
        [one] 1 minute ago
       *[other] { $number } minutes ago
    }
ago-hours =
    { $number ->
        [one] 1 hour ago
       *[other] { $number } hours ago
    }
ago-days =
    { $number ->
        [one] 1 day ago
       *[other] { $number } days ago
    }

## A duration, as in “For 30 days.” or “valid for 1 hour”.

duration-seconds =
    { $number ->
        [one] 1 second
       *[other] { $number } seconds
    }
duration-minutes =
    { $number ->
        [one] 1 minute
       *[other] { $number } minutes
    }
duration-hours =
    { $number ->
        [one] 1 hour
       *[other] { $number } hours
    }
duration-days =
    { $number ->
        [one] 1 day
       *[other] { $number } days
    }

## A waiting time, as in “Please try again in 5 minutes.”

wait-seconds =
    { $number ->
        [one] 1 second
       *[other] { $number } seconds
    }
wait-minutes =
    { $number ->
        [one] 1 minute
       *[other] { $number } minutes
    }
wait-hours =
    { $number ->
        [one] 1 hour
       *[other] { $number } hours
    }
