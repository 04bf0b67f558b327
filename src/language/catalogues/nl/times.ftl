date-and-time =
    { $day } { $month ->
        [1] januari
        [2] februari
        [3] maart
        [4] april
        [5] mei
        [6] juni
        [7] juli
        [8] augustus
        [9] september
        [10] oktober
        [11] november
       *[12] december
    } { $year }, { $hour }:{ $minute } UTC

ago-just-now = zojuist
ago-minutes =
    { $number ->
        [one] 1 minuut geleden
       *[other] { $number } minuten geleden
    }
ago-hours =
    { $number ->
        [one] 1 uur geleden
       *[other] { $number } uur geleden
    }
ago-days =
    { $number ->
        [one] 1 dag geleden
       *[other] { $number } dagen geleden
    }

duration-seconds =
    { $number ->
        [one] 1 seconde
       *[other] { $number } seconden
    }
duration-minutes =
    { $number ->
        [one] 1 minuut
       *[other] { $number } minuten
    }
duration-hours =
    { $number ->
        [one] 1 uur
       *[other] { $number } uur
    }
duration-days =
    { $number ->
        [one] 1 dag
       *[other] { $number } dagen
    }

wait-seconds =
    { $number ->
        [one] 1 seconde
       *[other] { $number } seconden
    }
wait-minutes =
    { $number ->
        [one] 1 minuut
       *[other] { $number } minuten
    }
wait-hours =
    { $number ->
        [one] 1 uur
       *[other] { $number } uur
    }
