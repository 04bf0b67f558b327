date-and-time =
    { $day } { $month ->
        [1] stycznia
        [2] lutego
        [3] marca
        [4] kwietnia
        [5] maja
        [6] czerwca
        [7] lipca
        [8] sierpnia
        [9] września
        [10] października
        [11] listopada
       *[12] grudnia
    } { $year }, { $hour }:{ $minute } UTC

ago-just-now = przed chwilą
ago-minutes =
    { $number ->
        [one] minutę temu
        [few] { $number } minuty temu
       *[other] { $number } minut temu
    }
ago-hours =
    { $number ->
        [one] godzinę temu
        [few] { $number } godziny temu
       *[other] { $number } godzin temu
    }
ago-days =
    { $number ->
        [one] wczoraj
        [few] { $number } dni temu
       *[other] { $number } dni temu
    }

duration-seconds =
    { $number ->
        [one] 1 sekundę
        [few] { $number } sekundy
       *[other] { $number } sekund
    }
duration-minutes =
    { $number ->
        [one] 1 minutę
        [few] { $number } minuty
       *[other] { $number } minut
    }
duration-hours =
    { $number ->
        [one] 1 godzinę
        [few] { $number } godziny
       *[other] { $number } godzin
    }
duration-days =
    { $number ->
        [one] 1 dzień
        [few] { $number } dni
       *[other] { $number } dni
    }

wait-seconds =
    { $number ->
        [one] 1 sekundę
        [few] { $number } sekundy
       *[other] { $number } sekund
    }
wait-minutes =
    { $number ->
        [one] 1 minutę
        [few] { $number } minuty
       *[other] { $number } minut
    }
wait-hours =
    { $number ->
        [one] 1 godzinę
        [few] { $number } godziny
       *[other] { $number } godzin
    }
