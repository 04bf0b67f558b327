date-and-time =
    { $day } { $month ->
        [1] gennaio
        [2] febbraio
        [3] marzo
        [4] aprile
        [5] maggio
        [6] giugno
        [7] luglio
        [8] agosto
        [9] settembre
        [10] ottobre
        [11] novembre
       *[12] dicembre
    } { $year }, { $hour }:{ $minute } UTC

ago-just-now = proprio ora
ago-minutes =
    { $number ->
        [one] 1 minuto fa
       *[other] { $number } minuti fa
    }
ago-hours =
    { $number ->
        [one] 1 ora fa
       *[other] { $number } ore fa
    }
ago-days =
    { $number ->
        [one] 1 giorno fa
       *[other] { $number } giorni fa
    }

duration-seconds =
    { $number ->
        [one] 1 secondo
       *[other] { $number } secondi
    }
duration-minutes =
    { $number ->
        [one] 1 minuto
       *[other] { $number } minuti
    }
duration-hours =
    { $number ->
        [one] 1 ora
       *[other] { $number } ore
    }
duration-days =
    { $number ->
        [one] 1 giorno
       *[other] { $number } giorni
    }

wait-seconds =
    { $number ->
        [one] 1 secondo
       *[other] { $number } secondi
    }
wait-minutes =
    { $number ->
        [one] 1 minuto
       *[other] { $number } minuti
    }
wait-hours =
    { $number ->
        [one] 1 ora
       *[other] { $number } ore
    }
