date-and-time =
    { $day ->
        [1] 1er
       *[other] { $day }
    } { $month ->
        [1] janvier
        [2] février
        [3] mars
        [4] avril
        [5] mai
        [6] juin
        [7] juillet
        [8] août
        [9] septembre
        [10] octobre
        [11] novembre
       *[12] décembre
    } { $year } à { $hour }:{ $minute } UTC

ago-just-now = à l’instant
ago-minutes =
    { $number ->
        [one] il y a { $number } minute
       *[other] il y a { $number } minutes
    }
ago-hours =
    { $number ->
        [one] il y a { $number } heure
       *[other] il y a { $number } heures
    }
ago-days =
    { $number ->
        [one] il y a { $number } jour
       *[other] il y a { $number } jours
    }

duration-seconds =
    { $number ->
        [one] { $number } seconde
       *[other] { $number } secondes
    }
duration-minutes =
    { $number ->
        [one] { $number } minute
       *[other] { $number } minutes
    }
duration-hours =
    { $number ->
        [one] { $number } heure
       *[other] { $number } heures
    }
duration-days =
    { $number ->
        [one] { $number } jour
       *[other] { $number } jours
    }

wait-seconds =
    { $number ->
        [one] { $number } seconde
       *[other] { $number } secondes
    }
wait-minutes =
    { $number ->
        [one] { $number } minute
       *[other] { $number } minutes
    }
wait-hours =
    { $number ->
        [one] { $number } heure
       *[other] { $number } heures
    }
