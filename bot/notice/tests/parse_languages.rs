//! Letters in many languages: whom each accuses, whom it excuses in passing, when it was, of what it tells.

use notice::Context;
use notice::Reading;
use notice::claim::Activity;
use notice::claim::Disposition;

fn read(subject: &str, body: &str) -> Reading {
    let mail = format!(
        "From: noc@company.example\nTo: abuse@example.com\nSubject: {subject}\nDate: Tue, 10 Mar 2026 16:00:00 +0000\nContent-Type: text/plain; charset=utf-8\n\n{body}\n"
    );
    notice::read(mail.as_bytes(), &Context::default())
}

fn accused(reading: &Reading) -> Vec<String> {
    let all = reading.parsed.claims.iter().flat_map(|claim| &claim.accused.addresses);
    all.map(ToString::to_string).collect()
}

/// A letter: its subject, its words, from when until when it was in UTC, of what it tells. It accuses 192.0.2.1.
type Letter = (&'static str, &'static str, [&'static str; 2], Activity);

const LETTERS: &[Letter] = &[
    (
        "Оплакване за злоупотреба: опити за познаване на пароли",
        "Здравейте,\n\nот ваш IP адрес 192.0.2.1 бяха извършени множество опити за познаване на пароли по SSH срещу нашия сървър 198.51.100.7 на 9 март 2026 г. от 04:10 до 05:40 ч. (българско време).\n\nАдресът 192.0.2.9, който също е при вас, няма нищо общо с атаката – това е нашият резервен сървър. Моля, не го блокирайте.\n\nМоля да вземете мерки.\n\nС уважение,\nИван Петров",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "Сканиране на портове",
        "Сигнал за злоупотреба\n\nИзточник на атаката: 192.0.2.1\nЦел: 198.51.100.7\nНачало: 09.03.2026 04:10\nКрай: 09.03.2026 05:40\nЧасова зона: UTC+2\nВид: сканиране на портове\nЗасечено от: 198.51.100.9",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::PortScan,
    ),
    (
        "Prijava zloupotrebe: napad na SSH",
        "Poštovani,\n\nsa vaše IP adrese 192.0.2.1 je 9. marta 2026. od 03:10 do 04:40 (srednjoevropsko vreme) pokušavano pogađanje lozinki na našem serveru 198.51.100.7.\n\nAdresa 192.0.2.9, koja je takođe kod vas, nema veze sa napadom, to je naš rezervni server. Molimo vas da je ne blokirate.\n\nMolimo vas da preduzmete odgovarajuće mere.\n\nSrdačan pozdrav",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "Пријава злоупотребе",
        "Поштовани,\n\nрачунар са адресом 192.0.2.1 из ваше мреже је 9. марта 2026. у периоду од 03:10 до 04:40 (CET) скенирао портове нашег сервера 198.51.100.7.\n\nАдреса 192.0.2.9 припада нашем партнеру и није укључена у напад.\n\nМолимо вас да зауставите ову активност.",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::PortScan,
    ),
    (
        "Zlouporaba: slanje neželjene pošte",
        "Poštovani,\n\ns vašeg poslužitelja 192.0.2.1 poslana je velika količina neželjene pošte (spam) na naš poslužitelj 198.51.100.7 dana 9. ožujka 2026. između 03:10 i 04:40 (CET).\n\nAdresa 192.0.2.9 je legitimna i nije povezana s ovim incidentom, molimo ne blokirajte je.\n\nMolimo da istražite i zaustavite slanje.",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::Spam,
    ),
    (
        "Prijava zlorabe",
        "Pozdravljeni,\n\nz vašega naslova 192.0.2.1 je 9. marca 2026 med 03:10 in 04:40 (srednjeevropski čas) potekal napad z ugibanjem gesel na naš strežnik 198.51.100.7.\n\nNaslov 192.0.2.9 pri napadu ni sodeloval, to je naš rezervni strežnik. Prosimo, da ga ne blokirate.\n\nProsimo, da ustrezno ukrepate.\n\nLep pozdrav",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "Zloraba",
        "Napadalec: 192.0.2.1\nTarča: 198.51.100.7\nZačetek: 9. 3. 2026 03:10\nKonec: 9. 3. 2026 04:40\nČasovni pas: CET\nVrsta: skeniranje vrat\nPrijavitelj: 198.51.100.9",
        ["", ""],
        Activity::PortScan,
    ),
    (
        "Nahlásenie zneužitia: hádanie hesiel",
        "Dobrý deň,\n\nz vašej IP adresy 192.0.2.1 prebiehali dňa 9. marca 2026 od 03:10 do 04:40 (SEČ) pokusy o uhádnutie hesla na náš server 198.51.100.7.\n\nAdresa 192.0.2.9, ktorá je tiež u vás, s útokom nesúvisí, je to náš záložný server. Prosíme, neblokujte ju.\n\nProsíme o nápravu.\n\nS pozdravom",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "Hlášení zneužití",
        "Dobrý den,\n\nz Vaší IP adresy 192.0.2.1 probíhal dne 9. března 2026 od 03:10 do 04:40 (SEČ) slovníkový útok na hesla našeho serveru 198.51.100.7.\n\nAdresa 192.0.2.9 s útokem nesouvisí, je to náš vlastní senzor. Neblokujte ji, prosím.\n\nProsíme o nápravu.",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "Pranešimas apie piktnaudžiavimą",
        "Sveiki,\n\niš jūsų IP adreso 192.0.2.1 2026 m. kovo 9 d. nuo 04:10 iki 05:40 (Lietuvos laiku) buvo bandoma atspėti slaptažodžius prie mūsų serverio 198.51.100.7.\n\nAdresas 192.0.2.9, kuris taip pat priklauso jums, su ataka nesusijęs – tai mūsų atsarginis serveris. Prašome jo neblokuoti.\n\nPrašome imtis priemonių.\n\nPagarbiai",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "Prievadų skenavimas",
        "Atakos šaltinis: 192.0.2.1\nTaikinys: 198.51.100.7\nPradžia: 2026-03-09 04:10\nPabaiga: 2026-03-09 05:40\nLaiko juosta: UTC+2\nTipas: prievadų skenavimas\nPranešėjas: 198.51.100.9",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::PortScan,
    ),
    (
        "Ziņojums par ļaunprātīgu izmantošanu",
        "Labdien,\n\nno jūsu IP adreses 192.0.2.1 2026. gada 9. martā no plkst. 04:10 līdz 05:40 (pēc Latvijas laika) notika paroļu minēšanas mēģinājumi pret mūsu serveri 198.51.100.7.\n\nAdrese 192.0.2.9, kas arī pieder jums, nav saistīta ar uzbrukumu, tas ir mūsu rezerves serveris. Lūdzu, nebloķējiet to.\n\nLūdzam novērst šo darbību.\n\nAr cieņu",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "Portu skenēšana",
        "Uzbrukuma avots: 192.0.2.1\nMērķis: 198.51.100.7\nSākums: 09.03.2026 04:10\nBeigas: 09.03.2026 05:40\nLaika josla: UTC+2\nVeids: portu skenēšana\nZiņotājs: 198.51.100.9",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::PortScan,
    ),
    (
        "Kaebus: paroolide äraarvamine",
        "Tere,\n\nteie IP-aadressilt 192.0.2.1 toimus 9. märtsil 2026 kell 04:10 kuni 05:40 (Eesti aeg) paroolide äraarvamise rünnak meie serveri 198.51.100.7 vastu.\n\nAadress 192.0.2.9, mis on samuti teie oma, ei ole rünnakuga seotud, see on meie varuserver. Palun ärge seda blokeerige.\n\nPalume võtta kasutusele meetmed.\n\nLugupidamisega",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "Portide skaneerimine",
        "Ründaja: 192.0.2.1\nSihtmärk: 198.51.100.7\nAlgus: 09.03.2026 04:10\nLõpp: 09.03.2026 05:40\nAjavöönd: UTC+2\nLiik: portide skaneerimine\nTeataja: 198.51.100.9",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::PortScan,
    ),
    (
        "Denúncia d'abús: intents de contrasenya",
        "Bon dia,\n\ndes de la vostra adreça IP 192.0.2.1 s'han fet intents d'endevinar contrasenyes per SSH contra el nostre servidor 198.51.100.7 el 9 de març de 2026 de les 03:10 a les 04:40 (CET).\n\nL'adreça 192.0.2.9, que també és vostra, no té res a veure amb l'atac: és el nostre servidor de còpies. Si us plau, no la bloquegeu.\n\nUs demanem que prengueu mesures.\n\nSalutacions",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "گزارش سوءاستفاده: حمله حدس گذرواژه",
        "با سلام،\n\nاز آدرس IP شما 192.0.2.1 در تاریخ 2026-03-09 از ساعت 05:40 تا 07:10 (به وقت تهران، UTC+3:30) تلاش برای حدس گذرواژه SSH علیه سرور ما 198.51.100.7 انجام شده است.\n\nآدرس 192.0.2.9 که آن هم متعلق به شماست، ارتباطی با این حمله ندارد و سرور پشتیبان ما است. لطفا آن را مسدود نکنید.\n\nلطفا اقدام لازم را انجام دهید.\n\nبا احترام",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "दुरुपयोग की शिकायत: पासवर्ड अनुमान",
        "नमस्ते,\n\nआपके आईपी पते 192.0.2.1 से 9 मार्च 2026 को 07:40 से 09:10 (IST) के बीच हमारे सर्वर 198.51.100.7 पर SSH पासवर्ड अनुमान लगाने का हमला हुआ।\n\nपता 192.0.2.9 भी आपका है, पर इसका इस हमले से कोई संबंध नहीं है, यह हमारा बैकअप सर्वर है। कृपया इसे ब्लॉक न करें।\n\nकृपया इसे रोकने के लिए कार्रवाई करें।\n\nधन्यवाद",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "แจ้งการใช้งานในทางที่ผิด: การเดารหัสผ่าน",
        "เรียน ผู้ดูแลระบบ\n\nตรวจพบการพยายามเดารหัสผ่าน SSH จากหมายเลข IP ของท่าน 192.0.2.1 มายังเซิร์ฟเวอร์ของเรา 198.51.100.7 เมื่อวันที่ 9 มีนาคม 2569 เวลา 09:10 ถึง 10:40 น. (เวลาประเทศไทย)\n\nหมายเลข 192.0.2.9 ซึ่งเป็นของท่านเช่นกัน ไม่เกี่ยวข้องกับการโจมตี เป็นเซิร์ฟเวอร์สำรองของเรา กรุณาอย่าบล็อก\n\nกรุณาดำเนินการแก้ไข\n\nขอแสดงความนับถือ",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "การสแกนพอร์ต",
        "ผู้โจมตี: 192.0.2.1\nเป้าหมาย: 198.51.100.7\nเริ่ม: 2026-03-09 09:10\nสิ้นสุด: 2026-03-09 10:40\nเขตเวลา: UTC+7\nประเภท: การสแกนพอร์ต\nผู้แจ้ง: 198.51.100.9",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::PortScan,
    ),
    (
        "Καταγγελία κατάχρησης: επίθεση με κωδικούς",
        "Καλημέρα σας,\n\nαπό τη διεύθυνση IP σας 192.0.2.1 έγιναν στις 9 Μαρτίου 2026 από τις 04:10 έως τις 05:40 (ώρα Ελλάδας) προσπάθειες εύρεσης κωδικών SSH κατά του διακομιστή μας 198.51.100.7.\n\nΗ διεύθυνση 192.0.2.9, που είναι επίσης δική σας, δεν έχει σχέση με την επίθεση, είναι ο εφεδρικός μας διακομιστής. Παρακαλούμε μην την αποκλείσετε.\n\nΠαρακαλούμε για τις ενέργειές σας.\n\nΜε εκτίμηση",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "תלונה: ניחוש סיסמאות",
        "שלום רב,\n\nמכתובת ה-IP שלכם 192.0.2.1 בוצעו ניסיונות לניחוש סיסמאות SSH לשרת שלנו 198.51.100.7 ביום 9 במרץ 2026 בין השעות 04:10 ל-05:40 (שעון ישראל).\n\nהכתובת 192.0.2.9, שגם היא שלכם, אינה קשורה להתקפה, זהו שרת הגיבוי שלנו. נא לא לחסום אותה.\n\nנבקש לטפל בכך.\n\nבברכה",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "Visszaélés bejelentése: jelszópróbálgatás",
        "Tisztelt Címzett!\n\nAz Önök 192.0.2.1 IP-címéről 2026. március 9-én 03:10 és 04:40 között (közép-európai idő) jelszópróbálgatásos támadás érkezett a 198.51.100.7 szerverünk ellen.\n\nA 192.0.2.9 cím, amely szintén Önöké, nem érintett a támadásban, az a mi tartalékszerverünk. Kérjük, ne blokkolják.\n\nKérjük a szükséges intézkedések megtételét.\n\nÜdvözlettel",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "Ilmoitus väärinkäytöstä: salasanojen arvailu",
        "Hei,\n\nosoitteestanne 192.0.2.1 arvailtiin SSH-salasanoja palvelimellemme 198.51.100.7 9. maaliskuuta 2026 klo 04:10–05:40 Suomen aikaa.\n\nOsoite 192.0.2.9, joka on myös teidän, ei liity hyökkäykseen, se on oma varapalvelimemme. Älkää estäkö sitä.\n\nPyydämme teitä ryhtymään toimenpiteisiin.\n\nYstävällisin terveisin",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "Kötüye kullanım şikayeti: parola denemesi",
        "Merhaba,\n\n192.0.2.1 IP adresinizden 9 Mart 2026 tarihinde saat 05:10 ile 06:40 arasında (Türkiye saati) 198.51.100.7 adresli sunucumuza SSH parola deneme saldırısı yapılmıştır.\n\nYine size ait olan 192.0.2.9 adresinin bu saldırıyla ilgisi yoktur, o bizim yedek sunucumuzdur. Lütfen onu engellemeyin.\n\nGereğini rica ederiz.",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "Plângere: încercări de ghicire a parolelor",
        "Bună ziua,\n\nde la adresa dumneavoastră IP 192.0.2.1 s-au făcut încercări de ghicire a parolelor SSH pe serverul nostru 198.51.100.7 în data de 9 martie 2026, între orele 04:10 și 05:40 (ora României).\n\nAdresa 192.0.2.9, care este tot a dumneavoastră, nu are legătură cu atacul, este serverul nostru de rezervă. Vă rugăm să nu o blocați.\n\nVă rugăm să luați măsuri.\n\nCu stimă",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "Скарга: підбір паролів",
        "Доброго дня,\n\nз вашої IP-адреси 192.0.2.1 9 березня 2026 року з 04:10 до 05:40 (за київським часом) здійснювався підбір паролів SSH до нашого сервера 198.51.100.7.\n\nАдреса 192.0.2.9, яка теж належить вам, не має відношення до атаки, це наш резервний сервер. Будь ласка, не блокуйте її.\n\nПросимо вжити заходів.\n\nЗ повагою",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "Laporan penyalahgunaan: percobaan menebak kata sandi",
        "Yth. Tim Abuse,\n\nDari alamat IP Anda 192.0.2.1 terjadi percobaan menebak kata sandi SSH terhadap server kami 198.51.100.7 pada 9 Maret 2026 pukul 09:10 sampai 10:40 WIB.\n\nAlamat 192.0.2.9 yang juga milik Anda tidak terlibat dalam serangan ini, itu adalah server cadangan kami. Mohon jangan diblokir.\n\nMohon segera ditindaklanjuti.\n\nTerima kasih",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "Aduan penyalahgunaan: cubaan meneka kata laluan",
        "Tuan/Puan,\n\nAlamat IP anda 192.0.2.1 telah cuba meneka kata laluan SSH pada pelayan kami 198.51.100.7 pada 9 Mac 2026 dari pukul 10:10 hingga 11:40 (waktu Malaysia).\n\nAlamat 192.0.2.9, yang juga milik anda, tidak terlibat dalam serangan ini; ia adalah pelayan sandaran kami. Tolong jangan sekat alamat itu.\n\nSila ambil tindakan.\n\nTerima kasih",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "신고: 비밀번호 무차별 대입",
        "안녕하세요,\n\n귀사의 IP 192.0.2.1에서 2026년 3월 9일 오전 11시 10분부터 오후 12시 40분까지(한국 시간) 당사 서버 198.51.100.7에 SSH 비밀번호 무차별 대입 공격을 하였습니다.\n\n귀사의 다른 주소 192.0.2.9은 이번 공격과 관련이 없으며 당사의 백업 서버입니다. 차단하지 말아 주십시오.\n\n조치 부탁드립니다.",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "不正アクセスのご報告",
        "お世話になっております。\n\n貴社のIPアドレス 192.0.2.1 から、2026年3月9日 午前11時10分から午後12時40分（日本時間）にかけて、弊社サーバー 198.51.100.7 に対しSSHのパスワード総当たり攻撃がありました。\n\n同じく貴社の 192.0.2.9 は今回の攻撃とは関係なく、弊社のバックアップサーバーです。ブロックしないでください。\n\nご対応をお願いいたします。",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "檢舉：SSH密碼猜測",
        "您好：\n\n貴公司IP位址 192.0.2.1 於民國115年3月9日上午10:10至11:40（台北時間）對我方伺服器 198.51.100.7 進行SSH密碼猜測攻擊。\n\n貴公司的另一位址 192.0.2.9 與此次攻擊無關，是我們合作夥伴的主機，請勿封鎖。\n\n請儘速處理。",
        ["2026-03-09T02:10", "2026-03-09T03:40"],
        Activity::LoginAttack,
    ),
    (
        "Атака срещу сайта ни",
        "Здравейте,\n\nсайтът ни (198.51.100.7) беше подложен на DDoS атака с идващ от 192.0.2.1 трафик. Атаката започна на 8 март 2026 г. в 22:15 и приключи на 9 март 2026 г. в 00:05 (UTC+2).\n\nЗа адрес 192.0.2.9 вече писахме на другия доставчик, той не е ваш.\n\nОчакваме бърза реакция.",
        ["2026-03-08T20:15", "2026-03-08T22:05"],
        Activity::DenialOfService,
    ),
    (
        "Napad na naš web",
        "Poštovani,\n\ndana 8.3.2026. u razdoblju od 21:15 do 23:05 sati (CET) primijetili smo pokušaje SQL injekcije s IP adrese 192.0.2.1 prema našoj web stranici 198.51.100.7.\n\nPromet s adrese 192.0.2.9 je naša naručena sigurnosna provjera i ne treba ništa poduzimati.\n\nMolimo provjerite računalo i zaustavite napade.\n\nLijep pozdrav",
        ["2026-03-08T20:15", "2026-03-08T22:05"],
        Activity::IntrusionAttempt,
    ),
    (
        "Skanowanie portów",
        "Dzień dobry,\n\nDo naszego serwera 198.51.100.7 w dniu 8 marca 2026 r. od 21:15 do 23:05 (CET) docierały próby skanowania portów z adresu 192.0.2.1.\n\nAdres 192.0.2.9 należy do naszego partnera i nie ma z tym nic wspólnego. Prosimy go nie blokować.\n\nProsimy o podjęcie działań.",
        ["2026-03-08T20:15", "2026-03-08T22:05"],
        Activity::PortScan,
    ),
    (
        "Ataka",
        "Sveiki,\n\nkompiuteris 192.0.2.1 jūsų tinkle atakuoja mūsų svetainę 198.51.100.7 (DDoS). Ataka prasidėjo 2026 m. kovo 8 d. 22:15 ir baigėsi 2026 m. kovo 9 d. 00:05 Lietuvos laiku.\n\nApie 192.0.2.9 jau pranešėme kitam tiekėjui, tai ne jūsų adresas.\n\nPrašome nutraukti ataką.",
        ["2026-03-08T20:15", "2026-03-08T22:05"],
        Activity::DenialOfService,
    ),
    (
        "Tấn công DDoS",
        "Chào anh/chị,\n\nMáy chủ web 198.51.100.7 của chúng tôi bị tấn công từ chối dịch vụ bởi 192.0.2.1 thuộc mạng của quý vị, bắt đầu lúc 03:15 ngày 9 tháng 3 năm 2026 và kết thúc lúc 05:05 cùng ngày (UTC+7).\n\n192.0.2.9 là của đối tác của chúng tôi và hợp pháp, vui lòng không chặn.\n\nMong quý vị sớm ngăn chặn.",
        ["2026-03-08T20:15", "2026-03-08T22:05"],
        Activity::DenialOfService,
    ),
    (
        "Phishing",
        "Dobrý den,\n\nna Vašem serveru 192.0.2.1 běží podvodná stránka napodobující naši banku, poprvé jsme ji viděli 8. března 2026 ve 21:15 a naposledy ve 23:05 (SEČ).\n\nServer 192.0.2.9 byl jen naše záloha, nemá s tím nic společného.\n\nProsíme o odstranění.",
        ["2026-03-08T20:15", "2026-03-08T22:05"],
        Activity::Phishing,
    ),
    (
        "Spam",
        "Stimați domni,\n\nserverul 192.0.2.1 din rețeaua dumneavoastră a trimis spam către serverul nostru de e-mail 198.51.100.7 în 8 martie 2026 între 22:15 și 23:59 (ora României).\n192.0.2.9 aparține partenerului nostru și este legitim.\n\nVă rugăm să opriți trimiterea.",
        ["2026-03-08T20:15", "2026-03-08T21:59"],
        Activity::Spam,
    ),
    (
        "Skräppost",
        "Hej,\n\nEr server 192.0.2.1 skickade skräppost till vår mejlserver 198.51.100.7 den 8 mars 2026 kl. 21.15–23.05 (CET).\n192.0.2.9 tillhör vår partner och är inte inblandad.\n\nVar vänliga och stoppa utskicken.",
        ["2026-03-08T20:15", "2026-03-08T22:05"],
        Activity::Spam,
    ),
    (
        "DDoS",
        "Hei,\n\nVår nettside 198.51.100.7 ble utsatt for et tjenestenektangrep fra 192.0.2.1 i nettverket deres 8. mars 2026 kl. 21.15–23.05 (norsk tid).\n192.0.2.9 tilhører vår partner og er ikke innblandet.\n\nVennligst stopp angrepet.",
        ["2026-03-08T20:15", "2026-03-08T22:05"],
        Activity::DenialOfService,
    ),
    (
        "هجوم حجب الخدمة",
        "تحية طيبة،\n\nتعرض خادمنا 198.51.100.7 لهجوم حجب خدمة من العنوان 192.0.2.1 التابع لشبكتكم بتاريخ 8 مارس 2026 من الساعة 23:15 إلى 23:59 بتوقيت الرياض.\nالعنوان 192.0.2.9 يخص شريكنا وهو غير متورط.\n\nيرجى إيقاف الهجوم.",
        ["2026-03-08T20:15", "2026-03-08T20:59"],
        Activity::DenialOfService,
    ),
    (
        "حمله DDoS",
        "با سلام و احترام\n\nسرور ما به آدرس 198.51.100.7 در تاریخ ۸ مارس ۲۰۲۶ از ساعت ۲۳:۴۵ تا ۲۳:۵۹ به وقت ایران مورد حمله DDoS از سمت آدرس 192.0.2.1 شبکه شما قرار گرفت.\n\nآدرس 192.0.2.9 متعلق به شریک تجاری ماست و در حمله نقشی ندارد.\n\nخواهشمند است نسبت به توقف حمله اقدام فرمایید.",
        ["2026-03-08T20:15", "2026-03-08T20:29"],
        Activity::DenialOfService,
    ),
    (
        "แจ้งเหตุสแปม",
        "เรียนทีมงาน\n\nเซิร์ฟเวอร์ 192.0.2.1 ในเครือข่ายของท่านส่งสแปมมายังเซิร์ฟเวอร์อีเมลของเรา 198.51.100.7 วันที่ 9 มีนาคม 2569 เวลา 03:15 - 05:05 น. ตามเวลาประเทศไทย\nส่วน 192.0.2.9 เป็นเซิร์ฟเวอร์ของพันธมิตรของเรา ไม่มีส่วนเกี่ยวข้อง\n\nขอความกรุณาระงับการส่งด้วย",
        ["2026-03-08T20:15", "2026-03-08T22:05"],
        Activity::Spam,
    ),
    (
        "Roskapostia verkostanne",
        "Hei,\n\nPalvelimenne 192.0.2.1 lähetti roskapostia postipalvelimellemme 198.51.100.7 8.3.2026 klo 22.15–23.59 (EET).\n192.0.2.9 on kumppanimme palvelin eikä liity asiaan.\n\nPyydämme lopettamaan lähetyksen.",
        ["2026-03-08T20:15", "2026-03-08T21:59"],
        Activity::Spam,
    ),
    (
        "DDoS saldırısı",
        "Sayın yetkili,\n\n198.51.100.7 adresli web sunucumuz, 8 Mart 2026 günü 23:15 - 23:59 (TRT) saatleri arasında ağınızdaki 192.0.2.1 adresinden gelen DDoS saldırısına maruz kalmıştır.\n192.0.2.9 adresi iş ortağımıza aittir ve saldırıyla ilgisi bulunmamaktadır.\n\nSaldırının durdurulmasını rica ederiz.",
        ["2026-03-08T20:15", "2026-03-08T20:59"],
        Activity::DenialOfService,
    ),
    (
        "स्पैम की शिकायत",
        "महोदय,\n\nआपका सर्वर 192.0.2.1 8 मार्च 2026 को 22:15 से 23:05 (UTC+2) तक हमारे मेल सर्वर 198.51.100.7 पर स्पैम भेज रहा था।\n\n192.0.2.9 हमारे साझेदार का सर्वर है और इसमें शामिल नहीं है।\n\nकृपया इसे बंद करें।",
        ["2026-03-08T20:15", "2026-03-08T21:05"],
        Activity::Spam,
    ),
];

#[test]
fn letters_in_many_languages_accuse_the_one_and_excuse_the_other() {
    for (subject, body, [from, to], activity) in LETTERS {
        let reading = read(subject, body);
        assert_eq!(accused(&reading), ["192.0.2.1"], "{body}\n{:#?}", reading.facts);
        let claim = &reading.parsed.claims[0];
        assert_eq!(claim.activity, *activity, "{body}");
        let window = claim.window.as_ref().expect("a window");
        if !from.is_empty() {
            let found = [window.from, window.to].map(|at| at.to_string()[..16].to_owned());
            assert_eq!(found, [*from, *to], "{body}");
        }
    }
}

/// What a letter says that takes an accusation back, or closes its case.
const CLOSED: &[(&str, &str)] = &[
    (
        "Сигнал 4711 - затворен",
        "Здравейте,\n\nна 9 март ви писахме, че 192.0.2.1 атакува нашия сървър. Оказа се фалшива тревога: беше нашият собствен скенер. Оттегляме сигнала, случаят е приключен. Не е нужно да предприемате нищо.\n\nПоздрави",
    ),
    (
        "Lažna uzbuna",
        "Poštovani,\n\npovlačimo prijavu za adresu 192.0.2.1. Bila je lažna uzbuna, predmet je zatvoren.\n\nHvala",
    ),
    (
        "Lažni alarm",
        "Pozdravljeni,\n\nvčeraj smo vam prijavili naslov 192.0.2.1. Šlo je za lažni alarm, zadeva je zaključena. Prijavo umikamo.",
    ),
    (
        "Falošný poplach",
        "Dobrý deň,\n\nberieme späť naše hlásenie o adrese 192.0.2.1, išlo o falošný poplach. Prípad je uzavretý.",
    ),
    (
        "Klaidingas pavojus",
        "Sveiki,\n\natsiimame savo pranešimą apie adresą 192.0.2.1. Tai buvo klaidingas pavojus, byla uždaryta.",
    ),
    (
        "Rút lại báo cáo",
        "Kính gửi,\n\nChúng tôi rút lại báo cáo về địa chỉ 192.0.2.1. Đây là báo động giả, vụ việc đã được đóng.",
    ),
    (
        "Alarmă falsă",
        "Bună ziua,\n\nretragem sesizarea despre adresa 192.0.2.1, a fost o alarmă falsă. Cazul este închis.",
    ),
    (
        "Teade tühistatud",
        "Tere,\n\ntühistame oma teate aadressi 192.0.2.1 kohta: see oli valehäire, meie enda skanner.",
    ),
    ("Viltus trauksme", "Labdien,\n\natsaucam savu ziņojumu par adresi 192.0.2.1. Tā bija viltus trauksme."),
    (
        "Şikayet geri çekme",
        "Merhaba,\n\n192.0.2.1 adresi hakkındaki şikayetimizi geri çekiyoruz, yanlış alarmmış. Konu kapatılmıştır.",
    ),
    (
        "Ανάκληση",
        "Καλησπέρα,\n\nανακαλούμε την αναφορά μας για τη διεύθυνση 192.0.2.1. Ήταν ψευδής συναγερμός και η υπόθεση έκλεισε.",
    ),
    (
        "Téves riasztás",
        "Tisztelt Címzett!\n\nVisszavonjuk a 192.0.2.1 címmel kapcsolatos bejelentésünket, téves riasztás volt. Az ügyet lezártuk.",
    ),
    ("هشدار اشتباه", "با سلام،\n\nگزارش ما درباره آدرس 192.0.2.1 هشدار اشتباه بود. پرونده بسته شد."),
    (
        "Хибна тривога",
        "Доброго дня,\n\nвідкликаємо скаргу на адресу 192.0.2.1: це була хибна тривога. Звернення закрито.",
    ),
];

#[test]
fn letters_in_many_languages_that_take_it_back_accuse_nobody() {
    for (subject, body) in CLOSED {
        let reading = read(subject, body);
        assert_eq!(accused(&reading), [""; 0], "{body}\n{:#?}", reading.parsed);
        assert_ne!(reading.parsed.disposition, Disposition::Claims, "{body}");
    }
}

#[test]
fn what_would_be_taken_back_in_case_is_not() {
    for body in [
        "Od 10:00 UTC 9. marta 2026. vaš server 192.0.2.1 napada naš server 198.51.100.7. Ako je ovo lažna uzbuna, javite nam.",
        "Dnes od 10:00 UTC Váš server 192.0.2.1 útočí na náš server 198.51.100.7. Pokud je to falešný poplach, dejte nám vědět.",
        "Ваш сервер 192.0.2.1 атакует наш сервер 198.51.100.7 с 10:00 UTC. Это не ложная тревога.",
    ] {
        let reading = read("Napad", body);
        assert_eq!(accused(&reading), ["192.0.2.1"], "{body}\n{:#?}", reading.parsed);
    }
}

#[test]
fn who_asks_that_a_case_be_closed_still_accuses() {
    for (subject, body) in [
        (
            "해킹 시도 신고",
            "안녕하세요.\n\n192.0.2.1에서 당사 서버 198.51.100.7로 2026-03-09 02:10 UTC부터 포트스캔이 발생하고 있습니다.\n이 건을 조속히 해결해 주시기 바랍니다.",
        ),
        (
            "ポートスキャンの件",
            "貴社 192.0.2.1 より弊社 198.51.100.7 へ 2026-03-09 02:10 UTC からポートスキャンが続いています。\n本件の早期解決をお願いいたします。",
        ),
        (
            "端口扫描",
            "贵司 192.0.2.1 自 2026-03-09 02:10 UTC 起对我司服务器 198.51.100.7 进行端口扫描。\n请尽快解决此案。",
        ),
        (
            "Quét cổng",
            "Địa chỉ 192.0.2.1 của quý vị quét cổng máy chủ 198.51.100.7 của chúng tôi từ 2026-03-09 02:10 UTC.\nĐề nghị quý vị giải quyết vụ việc này.",
        ),
        (
            "Pemindaian port",
            "Alamat 192.0.2.1 milik Anda memindai port server kami 198.51.100.7 sejak 2026-03-09 02:10 UTC.\nMohon kasus ini segera diselesaikan.",
        ),
        (
            "Skeniranje portova",
            "Vaša adresa 192.0.2.1 skenira portove našeg servera 198.51.100.7 od 2026-03-09 02:10 UTC.\nMolimo da slučaj bude što pre rešen i zatvoren.",
        ),
        (
            "Сканирование портов",
            "Ваш адрес 192.0.2.1 сканирует порты нашего сервера 198.51.100.7 с 2026-03-09 02:10 UTC.\nПросим, чтобы инцидент был решен.",
        ),
        (
            "Napad na VPN",
            "Poštovani,\n\ndana 9. marta 2026. od 03:10 do 04:40 (CET) naš VPN 198.51.100.7 bio je izložen pogađanju lozinki.\n\nNapadači:\n192.0.2.1\n\nNisu uključeni:\n192.0.2.9\n\nMolimo da preduzmete mere.",
        ),
        (
            "Útok",
            "Dobrý deň,\n\nútočiaca IP: 192.0.2.1\nnapadnutá IP: 198.51.100.7\nčas: 9.3.2026 03:10 - 04:40 CET\ntyp: skenovanie portov\n\nPoznámka: 192.0.2.9 je náš skener, ignorujte ho.",
        ),
    ] {
        let reading = read(subject, body);
        assert_eq!(accused(&reading), ["192.0.2.1"], "{body}\n{:#?}", reading.facts);
    }
}

#[test]
fn who_is_told_of_an_attack_on_what_is_the_readers_is_not_accused() {
    for (subject, body) in [
        (
            "Атака срещу вашия сървър",
            "Здравейте,\n\nвашият сървър 192.0.2.1 е цел на DDoS атака, започнала в 2026-03-09 02:10 UTC. Филтрираме трафика, не е нужно да правите нищо.",
        ),
        (
            "Napad na vaš server",
            "Poštovani,\n\nvaš server 192.0.2.1 je napadnut sa adrese 198.51.100.7 od 2026-03-09 02:10 UTC. Saobraćaj filtriramo, ne morate ništa da preduzimate.",
        ),
        (
            "Támadás az Önök szervere ellen",
            "Tisztelt Ügyfelünk!\n\nAz Önök 192.0.2.1 szerverét DDoS támadás éri 2026-03-09 02:10 UTC óta a 198.51.100.7 címről. A forgalmat szűrjük, nincs teendőjük.",
        ),
        (
            "เซิร์ฟเวอร์ของท่านถูกโจมตี",
            "เรียนลูกค้า\n\nเซิร์ฟเวอร์ของท่าน 192.0.2.1 ถูกโจมตีจาก 198.51.100.7 ตั้งแต่ 2026-03-09 02:10 UTC เราได้กรองทราฟฟิกแล้ว",
        ),
    ] {
        assert_eq!(accused(&read(subject, body)), [""; 0], "{body}");
    }
}
