date-and-time =
    { $day }. { $month ->
        [1] Januar
        [2] Februar
        [3] März
        [4] April
        [5] Mai
        [6] Juni
        [7] Juli
        [8] August
        [9] September
        [10] Oktober
        [11] November
       *[12] Dezember
    } { $year }, { $hour }:{ $minute } Uhr UTC

ago-just-now = gerade eben
ago-minutes =
    { $number ->
        [one] vor einer Minute
       *[other] vor { $number } Minuten
    }
ago-hours =
    { $number ->
        [one] vor einer Stunde
       *[other] vor { $number } Stunden
    }
ago-days =
    { $number ->
        [one] vor einem Tag
       *[other] vor { $number } Tagen
    }

duration-seconds =
    { $number ->
        [one] 1 Sekunde
       *[other] { $number } Sekunden
    }
duration-minutes =
    { $number ->
        [one] 1 Minute
       *[other] { $number } Minuten
    }
duration-hours =
    { $number ->
        [one] 1 Stunde
       *[other] { $number } Stunden
    }
duration-days =
    { $number ->
        [one] 1 Tag
       *[other] { $number } Tage
    }

wait-seconds =
    { $number ->
        [one] 1 Sekunde
       *[other] { $number } Sekunden
    }
wait-minutes =
    { $number ->
        [one] 1 Minute
       *[other] { $number } Minuten
    }
wait-hours =
    { $number ->
        [one] 1 Stunde
       *[other] { $number } Stunden
    }
