date-and-time =
    { $day } de { $month ->
        [1] janeiro
        [2] fevereiro
        [3] março
        [4] abril
        [5] maio
        [6] junho
        [7] julho
        [8] agosto
        [9] setembro
        [10] outubro
        [11] novembro
       *[12] dezembro
    } de { $year }, { $hour }:{ $minute } UTC

ago-just-now = agora mesmo
ago-minutes =
    { $number ->
        [one] há { $number } minuto
       *[other] há { $number } minutos
    }
ago-hours =
    { $number ->
        [one] há { $number } hora
       *[other] há { $number } horas
    }
ago-days =
    { $number ->
        [one] há { $number } dia
       *[other] há { $number } dias
    }

duration-seconds =
    { $number ->
        [one] { $number } segundo
       *[other] { $number } segundos
    }
duration-minutes =
    { $number ->
        [one] { $number } minuto
       *[other] { $number } minutos
    }
duration-hours =
    { $number ->
        [one] { $number } hora
       *[other] { $number } horas
    }
duration-days =
    { $number ->
        [one] { $number } dia
       *[other] { $number } dias
    }

wait-seconds =
    { $number ->
        [one] { $number } segundo
       *[other] { $number } segundos
    }
wait-minutes =
    { $number ->
        [one] { $number } minuto
       *[other] { $number } minutos
    }
wait-hours =
    { $number ->
        [one] { $number } hora
       *[other] { $number } horas
    }
