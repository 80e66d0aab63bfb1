//! The words by which names of fields are understood, as sets: one lookup a word.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::pattern::fold;

/// A set of word classes, one bit each.
pub(super) type Classes = u64;

macro_rules! classes {
    ($($bit:literal $name:ident $words:literal)*) => {
        $(#[doc = concat!("Words such as: ", $words)] pub(super) const $name: Classes = 1 << $bit;)*
        /// Each class and its words.
        const LISTS: &[(Classes, &str)] = &[$(($name, $words)),*];
    };
}

classes! {
    0 VICTIM "angegriffene angegriffenen attaquees attaques atacados atacadas attaccati aangevallen zaatakowane atakowane afectada afectado afectadas afectados poszkodowanego poszkodowany poszkodowana vitima vittima slachtoffer getroffen touchee colpito postizeny napadeny utsatt dest dst destination destinations target targets targeted victim victims attacked daddr dip dstip destip dstaddr lip locip localip honeypot sensor our my local dport dpt destinationip targetip resp ziel zielip opfer destino destinazione cible victime doel docelowy docelowa docelowego ofiara ofiary cel malet cil cilova cilovy obet hedef kurban kohde tujuan korban celpont destinatie agent manager collector observer firewall monitored protected dich nuestro nuestra notre nossa nostro unser unsere vores onze nasz nasza zrtva zrtve napadnuti napadnuta napadnuto odrediste odredisna ciljni ciljna жртва жртве нападнути нападнута нападнуто одредиште одредишна циљни циљна tarca tarce ciel cielova cielovy obete taikinys taikinio auka aukos tikslas merkis upuris sihtmark sihtkoht ohver objectiu objectius victima victimes desti aldozat aldozata celpontja kohteena kohdepalvelin kohdeosoite hedefi kurbani tinta destinatia στοχοσ θυμα προορισμοσ цел цели целта жертва жертви атакуван атакувана атакувани ціль цілі адресат nan sasaran mangsa пострадал"
    1 ACCUSED "angreifende angreifenden attaquants attaquantes aanvallende atakujace sprawcy sprawce pachatele utocnika skodce source sources src saddr sip srcip sourceip srcaddr attacker attackers attacking offender offenders offending abuser abusive abusing origin originating culprit intruder infected bot drone suspect rhost rip scanner perpetrator hostile malicious compromised client spammer foreign your instance from hacker zombie xff verursacher tater auteur dader sprawca pachatel culpable responsavel resource sport spt infringing remote attackerip clientip remip remoteip oip orig quelle quell quellip angreifer origen origem sorgente attaquant bron aanvaller nguon zrodlowy zrodlowa zrodlowego zrodlo zrodla atakujacy atakujacego napastnik kalla kallan angripare kilde angriber zdroj zdrojova zdrojovy utocnik kaynak kaynagi saldirgan lahde hyokkaaja sumber penyerang forras tamado sursa atacator atacante agresseur attaccante offenseur atacantes atakujici votre vostro vuestro ihr ihre uw napadac napadaca napadaci izvor izvorna izvorni izvorisna pocinitelj pocinilac нападач нападача нападачи извор изворна изворни изворишна починитељ починилац utociaca utociaci utociacej utocici napadajuca napadajuci napadajoci atakuojantis atakuojantys uzbrukosa atacanta атакуваща атакуващият napadalec napadalca izvirni zdroja atacant atacants agressor lahdeosoite hyokkaava tamadok forrasa saldiran saldirganin atacatorul atacatorului agresor επιτιθεμενοσ πηγη δραστησ προελευση нападател нападатели нападателя атакуващ атакуващи източник източника нападник нападника зловмисник saltinis saltinio uzpuolikas uzpuoliko puolantis avots avota uzbrucejs uzbruceja uzbrukosais rundaja rundajad rundav allikas lahteaadress penyerangnya"
    2 TIME "detected time date timestamp ts when seen observed started start begin began end ended stop stopped closed finished occurred datum zeit uhrzeit datetime first last window utc occurrence timespan period starttime endtime fecha hora heure data tijd tijdstip czas godzina tid tidpunkt tidspunkt klockslag datetid tarih saat zaman baslangic bitis beginn ende debut fin inicio inizio einde slut poczatek koniec zacatek konec aika idopont datums waktu tanggal ora orario horario pocetak pocetka kraj zavrsetak vrijeme vreme razdoblje opazeno почетак почетка крај завршетак вријеме време датум раздобље опажено zacetek cas termin zaciatok obdobie pradzia pabaiga laikas sakums beigas laiks algus lopp aeg kuupaev inici alkoi paattyi alkamisaika paattymisaika ajankohta kezdet kezdete vege idopontja basladi bitti inceput sfarsit εναρξη ληξη ημερομηνια ωρα χρονοσ начало край час дата период mulai selesai tamat tarikh masa prvni posledni primer primera primero ultimo ultima premier premiere dernier derniere erster erste erstes letzter letzte letztes primo prima primeiro primeira eerste laatste pierwszy pierwsze pierwsza ostatni ostatnie ostatnia forste siste sista latest earliest newest oldest"
    3 OTHER_TIME "sent received reported generated updated update submitted notified printed processed registered modified report notification arrival hlaseni generado generada gerado generato erstellt genere creado creada criado bericht meldung rapport informe"
    4 CASE "case ticket incident reference tracking issue rid ref caseid ticketid complaint"
    5 ZONE "zone timezone tz zeitzone offset pojas casovni vremenska pasmo juosta josla ajavoond aikavyohyke idozona ζωνη tidszon tidssone tidszone tidzone huso fuso fuseau dilimi strefa zonu зона пояс mui horaria horario zona"
    6 DEADLINE "deadline due expires expiry expiration rok terminas tahtaeg maaraaika hatarido frist"
    7 PORT "port ports sport dport spt dpt srcport dstport destport sourceport portas vayla θυρα порт prievadas vrata"
    8 ENDS "orig resp"
    9 PROTOCOL "proto protocol protocols transport"
    10 URL "url urls uri link website"
    11 NUMBER "id number no nr nummer num code"
    12 CASE_ID "rid caseid ticketid"
    13 REPORT "report abuse"
    14 ADDRESS "adres adresse adresa adresu adresen direccion endereco indirizzo osoite alamat cim adressen asset assets ip ips ipv4 ipv6 address addresses addr host hosts hostname saddr daddr"
    15 SERVICE "service method"
    16 ABOUT_SERVICE "name version provider"
    17 ACTIVITY "problem type category activity classification violation infection threat kind reason vrsta vrste tip tipo tipus tuup tyyppi tipusa typ typu liik kategorija kategoria kategooria kategori jenis tur turu τυποσ ειδοσ rusis veids pobudis vid loai вид тип категория категорія врста tipas"
    18 ELSEWHEN "cert certificate issue issued expiration registration build uptime creation"
    19 EVENT "abuse attack incident event seen observed first last begin began beginning start started end ended stop evento ereignis evenement udalost zdarzenie gebeurtenis hendelse handelse latest earliest newest oldest"
    20 ATTRIBUTE "name id version port count size bytes asn geo country city"
    21 REPORTER "zglaszajacego zglaszajaca zglaszajacy denunciante segnalante declarant melder notifier plaignant oznamovatel reclamante reporter reporters complainants complainant submitter contact sender prijavitelj prijavio prijavilac podnosilac podnositelj пријавитељ пријавио пријавилац подносилац подноситељ nahlasovatel nahlasil ohlasovatel pranesejas praneseja zinotajs teataja teavitaja denunciant bejelento bejelentette ilmoittaja ilmoittajan bildiren sikayetci raportor raportorul sesizant αναφερων καταγγελλων подател подателят докладчик сигналоподател заявник скаржник заявитель pelapor pengadu anmalare anmelder rapportor"
    22 TOLD "gemeldet festgestellt signale reportado segnalato gemeld zgloszono zglaszajacy reported detected submitted observed logged forwarded checked tested verified monitored measured queried засечено засечен відмічено zaznal zazna detektirao detektirano otkrio aptiko konstateja tuvastas havaitsi eszlelte tespit detectat detectado detektoval zaznamenal виявив виявлено обнаружено зафиксировано"
    23 BY "by from durch von par por da door przez от tarafindan od des prej av af"
    36 SEEN "detected observed logged"
    24 CARRIER "relay gateway nameserver nameservers resolver mx ns received router helo"
    25 FROM "from"
    26 ATTACKED "attacked"
    27 REPORTED "denuncia denuncias reportada segnalata gemelde zglaszanego hlasena anmalda reported reporting abuse attack gemeldete gemeldeter signalee segnalato denunciada zglaszany"
    28 PORT_LETTER "p"
    29 HOST_LETTER "h"
    30 TYPE "type"
    31 IP_OR_PORT "ip port"
    32 REMOTE "remote"
    33 LOCAL "local"
    35 PLAIN "notified concerned subject asset concerne concernee the public external internet user customer server machine device system affected involved listed blocked banned blacklisted reported full main exit proxy hostname domain v4 v6 and or of in question responsible betroffen betroffene betroffenes betroffener problem primary ipaddress node list"
    34 WEAK "your our my local client remote instance resource foreign ihr ihre votre vostro uw unser unsere notre nuestro nuestra onze nasz nasza"
}

/// Beginnings of words, for compounds such as `destips` and `srcAddressV6`.
const BEGINNINGS: [(Classes, &str); 8] = [
    (VICTIM, "dest"),
    (VICTIM, "dst"),
    (VICTIM, "target"),
    (VICTIM, "victim"),
    (ACCUSED, "src"),
    (ACCUSED, "source"),
    (ACCUSED, "attacker"),
    (ACCUSED, "offend"),
];

/// Parts of words in scripts without blanks, and in Russian and Korean.
const PARTS: [(Classes, &str); 8] = [
    (
        VICTIM,
        "対象サーバ 対象ホスト 対象システム 目的 目标 目標 宛先 被害 受害 攻撃先 攻撃対象 攻撃を受け 被攻击 被攻擊 攻击对象 攻击目标 攻擊目標 相手先 피해 공격대상 공격받 피공격 대상 목적지 назначен получател жертв призначен الضحية ضحية الهدف المستهدف الوجهة المتضرر היעד יעד הקורבן ปลายทาง เหยื่อ लक्ष्य पीड़ित निशाना เป้าหมาย ผู้เสียหาย ที่ถูกโจมตี مقصد قربانی",
    ),
    (
        ACCUSED,
        "源ip 源地址 攻击 攻擊 攻撃 送信元 発信元 発信者 通報対象 來源 来源 공격 출발지 источник атакующ джерел нападник 来自 發起 发起 المصدر مصدر المهاجم المعتدي המקור מקור התוקף ต้นทาง ผู้โจมตี स्रोत हमलावर แหล่งที่มา เครื่องที่โจมตี مبدا مهاجم",
    ),
    (ACTIVITY, "内容 種別 类型 類型 유형 종류 ประเภท ชนิด प्रकार نوع סוג"),
    (
        TIME,
        "时间 時間 日時 日期 시간 일시 время дата начало конец окончани початок кінець เริ่ม สิ้นสุด วันที่ เวลา आरंभ आरम्भ प्रारंभ समाप्ति समय شروع پایان زمان تاریخ بداية نهاية وقت تاريخ التوقيت התחלה סיום תאריך שעה",
    ),
    (ADDRESS, "アドレス 地址 주소 адрес διευθυνσ عنوان כתובת"),
    (PORT, "端口 ポート 포트 порт พอร์ต पोर्ट پورت منفذ פורט"),
    (ZONE, "时区 時區 タイムゾーン 시간대 เขตเวลา โซนเวลา क्षेत्र منطقه المنطقة אזור"),
    (
        REPORTER,
        "報告者 通報者 报告人 報告人 신고자 신고인 ผู้แจ้ง ผู้รายงาน रिपोर्टकर्ता शिकायतकर्ता دهنده المبلغ מדווח",
    ),
];

static WORDS: LazyLock<HashMap<&'static str, Classes>> = LazyLock::new(|| {
    let mut words: HashMap<&'static str, Classes> = HashMap::new();
    for (class, list) in LISTS {
        for word in list.split(' ') {
            *words.entry(word).or_default() |= class;
        }
    }
    words
});

/// Returns the classes of a lower-case word.
pub(super) fn classes(word: &str) -> Classes {
    let mut found = WORDS.get(fold(word).as_ref()).copied().unwrap_or(0);
    for (class, beginning) in BEGINNINGS {
        if word.starts_with(beginning) {
            found |= class;
        }
    }
    if !word.is_ascii() {
        let of = |parts: &str| parts.split(' ').any(|part| word.contains(part));
        for (class, parts) in PARTS {
            // "Attack target" is no attack.
            if of(parts) && !(class == ACCUSED && found & VICTIM != 0) {
                found |= class;
            }
        }
    }
    found
}
