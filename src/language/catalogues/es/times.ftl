date-and-time =
    { $day } de { $month ->
        [1] enero
        [2] febrero
        [3] marzo
        [4] abril
        [5] mayo
        [6] junio
        [7] julio
        [8] agosto
        [9] septiembre
        [10] octubre
        [11] noviembre
       *[12] diciembre
    } de { $year }, { $hour }:{ $minute } UTC

ago-just-now = ahora mismo
ago-minutes =
    { $number ->
        [one] hace 1 minuto
       *[other] hace { $number } minutos
    }
ago-hours =
    { $number ->
        [one] hace 1 hora
       *[other] hace { $number } horas
    }
ago-days =
    { $number ->
        [one] hace 1 día
       *[other] hace { $number } días
    }

duration-seconds =
    { $number ->
        [one] 1 segundo
       *[other] { $number } segundos
    }
duration-minutes =
    { $number ->
        [one] 1 minuto
       *[other] { $number } minutos
    }
duration-hours =
    { $number ->
        [one] 1 hora
       *[other] { $number } horas
    }
duration-days =
    { $number ->
        [one] 1 día
       *[other] { $number } días
    }

wait-seconds =
    { $number ->
        [one] 1 segundo
       *[other] { $number } segundos
    }
wait-minutes =
    { $number ->
        [one] 1 minuto
       *[other] { $number } minutos
    }
wait-hours =
    { $number ->
        [one] 1 hora
       *[other] { $number } horas
    }
