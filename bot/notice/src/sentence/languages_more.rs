//! More languages by whose words a sentence tells who did what to whom. Data only; see [`languages`](super::languages).

use super::languages::NONE;
use super::languages::Words;

/// Bulgarian.
pub(super) const BULGARIAN: Words = Words {
    fillers: "в и на с за че да се е са от до по при го я ги който която което като също бяха бе беше здравейте поздрави уважение това този тази г ч със във ние бихме молим",
    we: "ние нас аз мен",
    ours: "наш* нашия нашият нашата нашите нашето наш наша ни мой моя моят",
    yours: "ваш* вашия вашият вашата вашите вашето ваш ваша при_вас мрежата_ви сървърът_ви адресът_ви адреса_ви клиентът_ви",
    others: "друг_доставчик друга_мрежа чужда_мрежа друг_оператор не_е_ваш не_е_ваша не_са_ваши",
    from: "от с из изхождащ* произхождащ* идващ*",
    to: "към срещу против на",
    at: "на в при",
    except: "освен вместо с_изключение_на за_разлика_от",
    hosts: "сървър* хост* машин* ip ip-адрес* адрес* систем* мреж* клиент* устройств* компютър* рутер* сензор* сайт* услуг* инстанц* шлюз*",
    deeds: "атак* сканир* скани* брут* brute* налучк* отгатв* познаване опит* взлом* хак* ddos* флуд* спам* фиш* проник* напад* наводн* претовар* злоупотреб* ботнет* spam* phish*",
    taken: "заразен* хакнат* компрометиран*",
    weak: "изпращ* изпрат* свърз* връзк* заявк* пакет* парол* вход* влиз* трафик*",
    passive: "беше бяха бе бил била били",
    suffers: "претърп* получава получи получихме обект_на жертва_на цел_на подложен* атакуван атакувана атакувани атакувано нападнат нападната сканиран сканирана сканирани",
    sees: "засе* засич* забеляз* регистрир* установ* отчет* отчит* наблюд* откри* докладв* съобщ* сигнализ* блокир* филтрир* отхвърл* видях* видим*",
    not: "не няма нямат никога нито без",
    clean: "легитим* нормал* обичайн* невин* редов* безвред*",
    involved: "общо свързан* участ* замесен* отношение засегнат* въвлечен*",
    unreal: "ако ще планира*",
    and: "и или както_и",
    ..NONE
};

/// Bosnian, Croatian, Serbian in Latin letters.
pub(super) const SERBO_CROATIAN: Words = Words {
    fillers: "i u na je su se da od do za sa s iz koji koja koje ili sto smo bio bila bilo vam vas nam to taj ta ovaj ova ali kao po dana postovani postovana molimo hvala pozdrav takode takoder nije nema biti",
    we: "mi nas nam nama ja",
    ours: "nas naseg nasem nasu nasa nase nasi nasoj nasim nasih nasega nasemu moj moja moje mog mojeg",
    yours: "vas vaseg vasem vasu vasa vase vasi vasoj vasim vasih vasega kod_vas",
    others: "drugi_provajder drugom_provajderu drugog_provajdera druga_mreza druge_mreze drugi_operater drugog_operatera drugom_operateru nije_vas nije_vasa nije_vase nisu_vasi tuda_mreza",
    from: "sa s iz od potice_od potjece_od potice_sa",
    by: "od_strane",
    to: "na protiv ka prema",
    at: "na u kod",
    except: "osim umjesto umesto za_razliku_od izuzev",
    hosts: "server* posluzitelj* host* masin* racunar* racunal* ip ip-adres* adres* sistem* sustav* mrez* klijent* korisnik* uredaj* ruter* usmjernik* senzor* sajt* stranic* servis* uslug* vatrozid* instanc*",
    deeds: "napad* napao napal* skenir* brute* pokusa* pogad* nagad* pogod* provaljiv* provali* proval* upad* hakir* ddos* spam* phish* preplav* preoptere* zloupor* zloupotr* uljez* neovlasten* nezeljen* botnet* fising* pretraziv*",
    taken: "zarazen* kompromit* hakovan* hakiran*",
    weak: "slanj* salj* poslan* poslat* povez* konek* zahtjev* zahtev* paket* lozin* prijavlj* promet* saobracaj* logov*",
    passive: "bio bila bilo bili bile",
    suffers: "pretrp* trpi dobij* prima primi* meta_napada cilj_napada zrtva_napada izlozen* napadnut napadnuta napadnuto napadnuti skeniran skenirana skenirano skenirani",
    sees: "zabilj* zabelez* detekt* otkri* primije* primet* primijet* uoc* registr* vidjel* videli vidimo prijavil* prijavlj* blokir* filtrir* odbi* zaustav* utvrd* zapaz* opaz*",
    not: "ne nije nisu nema nemaju nikad nikada niti bez",
    clean: "legitim* normal* obicn* redov* regular* neduzn* bezopas* cist",
    involved: "vez* poveza* ukljucen* umijesan* umesan* sudjel* ucestv* involvir* zahvacen*",
    unreal: "ako ukoliko ce cemo planir*",
    and: "i ili te kao_i",
    ..NONE
};

/// Serbian in Cyrillic letters.
pub(super) const SERBIAN_CYRILLIC: Words = Words {
    fillers: "и у на је су се да од до за са с из који која које или што смо био била било вам вас нам то тај та овај ова али као по дана поштовани поштована молимо хвала поздрав такође такођер није нема бити",
    we: "ми нас нам нама ја",
    ours: "наш нашег нашем нашу наша наше наши нашој нашим наших нашега нашему мој моја моје мог мојег",
    yours: "ваш вашег вашем вашу ваша ваше ваши вашој вашим ваших вашега код_вас",
    others: "други_провајдер другом_провајдеру другог_провајдера друга_мрежа друге_мреже други_оператер другог_оператера другом_оператеру није_ваш није_ваша није_ваше нису_ваши туђа_мрежа",
    from: "са с из од потиче_од потјече_од потиче_са",
    by: "од_стране",
    to: "на против ка према",
    at: "на у код",
    except: "осим умјесто уместо за_разлику_од изузев",
    hosts: "сервер* послужитељ* хост* машин* рачунар* рачунал* ip ip-adres* адрес* систем* сустав* мреж* клијент* корисник* уређај* рутер* усмјерник* сензор* сајт* страниц* сервис* услуг* ватрозид* инстанц*",
    deeds: "напад* напао напал* скенир* brute* покуша* погађ* нагађ* погод* проваљив* провали* провал* упад* хакир* ddos* spam* phish* преплав* преоптере* злоупор* злоупотр* уљез* неовлаштен* нежељен* ботнет* фишинг* претражив*",
    taken: "заражен* компромит* хакован* хакиран*",
    weak: "слањ* шаљ* послан* послат* повез* конек* захтјев* захтев* пакет* лозин* пријављ* промет* саобраћај* логов*",
    passive: "био била било били биле",
    suffers: "претрп* трпи добиј* прима прими* мета_напада циљ_напада жртва_напада изложен* нападнут нападнута нападнуто нападнути скениран скенирана скенирано скенирани",
    sees: "забиљ* забележ* детект* откри* примије* примет* примијет* уоч* регистр* видјел* видели видимо пријавил* пријављ* блокир* филтрир* одби* заустав* утврд* запаз* опаз*",
    not: "не није нису нема немају никад никада нити без",
    clean: "легитим* нормал* обичн* редов* регулар* недужн* безопас* чист",
    involved: "вез* повеза* укључен* умијешан* умешан* судјел* учеств* инволвир* захваћен*",
    unreal: "ако уколико ће ћемо планир*",
    and: "и или те као_и",
    ..NONE
};

/// Slovenian.
pub(super) const SLOVENIAN: Words = Words {
    fillers: "in na je so se da od do za s z iz ki ali smo ste bil bila bilo vam vas nam to ta ter pri po dne pozdravljeni prosimo hvala lep pozdrav tudi ni bo med ob kot spostovani",
    we: "mi nas nam jaz",
    ours: "nas nasega nasem naso nasa nase nasi nasemu nasim nasih moj moja mojega",
    yours: "vas vasega vasem vaso vasa vase vasi vasemu vasim vasih pri_vas",
    others: "drug_ponudnik drugega_ponudnika drugemu_ponudniku drugo_omrezje drugega_omrezja drug_operater ni_vas ni_vasa ni_vase",
    from: "z s iz od izvira_iz prihaja_iz",
    by: "s_strani",
    to: "na proti zoper",
    at: "na v pri",
    except: "razen namesto za_razliko_od",
    hosts: "streznik* host* gostitelj* racunalnik* ip ip-naslov* naslov* sistem* omrezj* strank* narocnik* naprav* usmerjevalnik* senzor* stran* storit* pozarn* instanc*",
    deeds: "napad* napadl* skenir* preiskov* brute* posku* ugib* uganit* vdor* vdir* vdrl* heka* ddos* spam* phish* poplav* preobremen* zlorab* nepooblasc* nezelen* botnet*",
    taken: "okuzen* kompromit* vdrto",
    weak: "posilj* posla* povez* zahtev* paket* gesl* gesel prijav* promet*",
    passive: "bil bila bilo bili",
    suffers: "utrpel* utrpi dozivel* prejema prejel* tarca_napada zrtva_napada napaden napadena napadeno skeniran skenirana",
    sees: "zazna* zabelez* odkri* opaz* videl* vidimo prijavil* blokira* filtrira* zavrn* ustavil* ugotov*",
    not: "ne ni niso nima nimajo nikoli brez",
    clean: "legitim* normal* obicajn* redn* nedolzn* neskodljiv* cist",
    involved: "zvez* poveza* vpleten* sodel* udelez* prizadet*",
    unreal: "ce bo bomo bodo nacrt*",
    and: "in ali ter kot_tudi",
    ..NONE
};

/// Lithuanian.
pub(super) const LITHUANIAN: Words = Words {
    fillers: "ir i is su kad yra buvo nuo iki prie per kuris kuri taip pat tai si sis sio ar bet kaip m d val sveiki pagarbiai prasome del apie pagal jog mes",
    we: "mes mums mus as man",
    ours: "musu mano",
    yours: "jusu jums_priklaus* jums_priklauso pas_jus",
    others: "kitam_tiekejui kito_tiekejo kitas_tiekejas kitam_tinklui kito_tinklo kitas_operatorius kitam_operatoriui ne_jusu nepriklauso_jums",
    from: "is nuo",
    to: "i pries link prie",
    at: "prie ant",
    except: "isskyrus vietoj skirtingai_nuo",
    hosts: "server* tarnybin* kompiuter* masin* ip ip-adres* adres* sistem* tinkl* klient* irengin* marsrutizator* jutikl* sensor* svetain* puslap* paslaug* ugniasien* prieglob*",
    deeds: "atak* puol* skenav* skenuo* skenuoj* zvalg* brute* bande bando bandym* bandoma spej* spelio* atspe* isilauz* isibrov* ddos* spam* brukal* slamst* sukciav* phish* piktnaudz* uztvind* perkrov* neteiset* neleistin* botnet*",
    taken: "uzkrest* uzkres* nulauz* kompromituot*",
    weak: "siunt* siust* siunc* prisijung* junge* jungiasi uzklaus* paket* slaptazod* sraut*",
    suffers: "patyre patiria gauna gavo gavome atakos_taikinys atakos_auka atakuotas atakuojamas atakuojami uzpultas skenuotas skenuojamas",
    sees: "pastebe* uzfiksuo* fiksuo* uzfiksav* fiksav* aptik* aptiko nustat* matome mateme pranese pranesam* registr* blokuo* blokav* filtr* atmet*",
    not: "ne nera nebuvo niekada be neturi nedalyva* nesusij* neatak*",
    clean: "teiset* iprast* normal* nekalt*",
    involved: "susij* nesusij* dalyva* nedalyva* itraukt* prisidej* rysio",
    unreal: "jei jeigu bus planuo*",
    and: "ir arba bei taip_pat_ir",
    ..NONE
};

/// Latvian.
pub(super) const LATVIAN: Words = Words {
    fillers: "un no uz ar ka ir bija tika lidz kas kura kurs ari tas ta sis si par lai gan vai pret pie gada plkst labdien cienu ludzu ludzam lugums mes pec sveiki",
    we: "mes mums mus es man",
    ours: "musu musejais mans",
    yours: "jusu pieder_jums pie_jums",
    others: "citam_pakalpojumu_sniedzejam cita_pakalpojumu_sniedzeja citam_operatoram citam_tiklam cita_tikla nav_jusu",
    from: "no",
    to: "uz pret",
    at: "pie",
    except: "iznemot nevis atskiriba_no",
    hosts: "server* dator* iekart* masin* ip ip-adres* adres* sistem* tikl* klient* ieric* marsrutetaj* sensor* vietn* lap* pakalpojum* ugunsmur*",
    deeds: "uzbruk* uzbruc* skene* brute* megin* mines* minej* uzmin* ielauz* ielaus* ddos* spam* mestul* surogatpast* piksker* phish* launprat* parplud* parslog* neatlaut* nesankcion* botnet*",
    taken: "inficet* uzlauzt* kompromitet*",
    weak: "sut* nosut* savien* piesle* pieteik* pieprasi* paket* parol* datplusm*",
    passive: "tika tiek",
    suffers: "cieta cies sanem sanem* uzbrukuma_merkis uzbrukuma_upuris uzbrukts skenets",
    sees: "konstat* fikse* registre* novero* pamani* redz* redze* atkla* zino* bloke* filtre* noraidi* apture*",
    not: "ne nav nebija nekad bez nepiedal*",
    clean: "likumig* legitim* parast* normal* nevainig*",
    involved: "saistit* saistib* sakara piedal* iesaistit* nepiedal*",
    unreal: "ja bus plano*",
    and: "un vai ka_ari",
    ..NONE
};

/// Estonian.
pub(super) const ESTONIAN: Words = Words {
    fillers: "ja on ei et see mis kes oli olid kui ka voi ning aga kuni alates kell tere lugupidamisega palun palume samuti selle seda meil teil jaoks poolt vahemikus",
    we: "me meie_ise mina meile",
    ours: "meie minu",
    yours: "teie sinu",
    others: "teisele_teenusepakkujale teise_teenusepakkuja teise_operaatori teisele_operaatorile teise_vorgu teise_vorku ei_ole_teie pole_teie",
    to: "vastu suunas",
    except: "valja_arvatud asemel peale",
    hosts: "vastu server* arvut* masin* ip ip-aadress* aadress* susteem* vork* vorgu* klien* seade seadme* ruuter* andur* sensor* veebileh* leht teenus* tulemuur*",
    deeds: "runn* rund* runna* skann* skaneer* brute* kats* katse* araarv* arva* murdm* sissemurd* hakk* ddos* rampspost* spam* ongitsus* phish* kuritarv* uleujut* ulekoorm* loata volitamata botnet* robotvorg*",
    taken: "nakat* kompromit* hakitud",
    weak: "saat* saade* uhend* paring* paket* parool* sisselog* logi* liiklus*",
    suffers: "sai saab langes sattus runnaku_all runnaku_sihtmark runnaku_ohver",
    sees: "tuvast* marka* registreer* nagi* naeme naitav* teata* raporteer* blokeer* filtreer* avasta* torju* salvesta*",
    not: "ei pole ilma kunagi mitte arge",
    clean: "legitiim* tavali* normaal* suutu* puhas",
    involved: "seotud osale* puutu* seost",
    unreal: "kui_te juhul plaan*",
    and: "ja voi ning",
    endings: ["lt st ltki selt dest delt", "le sse ile test ele esse", "", ""],
    ..NONE
};

/// Catalan.
pub(super) const CATALAN: Words = Words {
    fillers: "el la els les un una uns de del dels al als i es son ha han va van que per amb des en no us ens aquest aquesta aquests tambe com si plau bon dia salutacions hem hi s a l d",
    we: "nosaltres ens jo",
    ours: "nostre nostra nostres meu meva",
    yours: "vostre vostra vostres seu_servidor seva_xarxa",
    others: "altre_proveidor altra_xarxa altre_operador altres_proveidors no_es_vostra no_es_vostre no_es_seva",
    from: "des_de des_del des_de_la provinent_de provinents_de procedent_de procedents_de amb_origen_en",
    by: "per pel",
    to: "contra cap_a cap_al vers dirigit_a dirigits_a adrecat_a",
    at: "a en al sobre",
    except: "excepte llevat_de en_lloc_de a_diferencia_de",
    hosts: "servidor* maquina maquines ip ips adreca adreces equip equips host hosts sistema sistemes xarxa xarxes client clients dispositiu tallafoc* sensor* lloc servei encaminador ordinador",
    deeds: "atac* ataqu* escanej* escaneig* forca_bruta brute* inund* ddos* intrus* spam phish* hack* intent* endevin* bombarde* satur* abus abus* denegaci* escombrar* pesca",
    taken: "compromes* infectad* infectat* hackejat*",
    weak: "envi* connex* connect* petici* paquet* contrasenya contrasenyes transit acces* acces",
    passive: "estat fou foren",
    suffers: "pateix patit sofert rep rebut victima_de objectiu_de objecte_de",
    sees: "detect* observ* registr* inform* vist veiem mostr* notific* constat* bloquej* filtr* rebutj* intercept* atur*",
    not: "no mai cap ni sense tampoc",
    clean: "legitim* normal normals habitual* neta net innocent* inofensi*",
    involved: "relacionad* implicad* involucrad* afectad* a_veure",
    unreal: "quan previst* planificad* sera seran realitzarem",
    and: "i o aixi_com",
    ..NONE
};

/// Persian.
pub(super) const PERSIAN: Words = Words {
    fillers: "از به در که این آن و با را است شد شده برای تا نیز هم بر یا سلام احترام لطفا خود می باشد بود دارد کنید دهید شما ما تاریخ ساعت",
    we: "ما من",
    ours: "ما خودمان",
    yours: "شما شماست شبکه_شما سرور_شما",
    others: "ارائهدهنده_دیگر شرکت_دیگر شبکه_دیگر متعلق_به_شما_نیست",
    from: "از از_سمت از_طرف از_سوی از_جانب از_مبدا",
    by: "توسط",
    to: "به علیه به_سمت به_سوی روی",
    at: "در روی",
    except: "بجز به_جز جز غیر_از",
    hosts: "سرور سرورهای سرورهایمان آدرس ادرس نشانی ip آیپی سیستم شبکه دستگاه میزبان وبسایت سایت کامپیوتر رایانه مشتری روتر فایروال سنسور",
    deeds: "حمله حملات حملهای اسکن پویش تلاش تلاشهای تلاشهایی حدس نفوذ هک هرزنامه اسپم فیشینگ ddos سوءاستفاده سواستفاده brute بروتفورس مخرب باجافزار باتنت",
    taken: "آلوده هکشده",
    weak: "ارسال اتصال درخواست درخواستهای بسته بستههای گذرواژه رمز ورود لاگین ترافیک",
    suffers: "مورد_حمله هدف_حمله قربانی متحمل",
    sees: "مشاهده شناسایی ثبت گزارش تشخیص رصد مسدود فیلتر کشف",
    not: "نه ندارد ندارند نیست نیستند نبود نمیباشد نشده بدون هرگز نکرده",
    clean: "مجاز عادی قانونی سالم بیخطر",
    involved: "ارتباطی ارتباط ربطی ربط نقشی دخالتی مرتبط",
    unreal: "اگر خواهد",
    and: "و یا",
    ..NONE
};

/// Hindi.
pub(super) const HINDI: Words = Words {
    fillers: "के की का है हैं और में से को पर ने एक यह इस था थी थे भी हो किया गया कि कर करें नमस्ते धन्यवाद कृपया महोदय लिए बीच तक",
    we: "हम हमें मुझे",
    ours: "हमारे हमारा हमारी मेरे",
    yours: "आपके आपका आपकी",
    others: "दूसरे_प्रदाता अन्य_प्रदाता आपका_नहीं",
    from: "से",
    by: "द्वारा",
    to: "पर विरुद्ध खिलाफ",
    except: "अलावा सिवाय",
    hosts: "से पर विरुद्ध खिलाफ सर्वर आईपी ip पते पता एड्रेस सिस्टम नेटवर्क होस्ट मशीन कंप्यूटर डिवाइस वेबसाइट साइट ग्राहक राउटर फ़ायरवॉल सेंसर",
    deeds: "हमला हमले हमलों आक्रमण स्कैन स्कैनिंग प्रयास कोशिश कोशिशें अनुमान घुसपैठ हैक हैकिंग स्पैम फ़िशिंग फिशिंग ddos ब्रूट brute दुरुपयोग बॉटनेट",
    taken: "संक्रमित",
    weak: "भेज भेजे भेजा कनेक्शन अनुरोध पैकेट पासवर्ड लॉगिन ट्रैफ़िक",
    sees: "देखा पाया दर्ज पता_चला रिपोर्ट ब्लॉक रोका पहचान",
    not: "नहीं न ना कभी_नहीं बिना मत",
    clean: "वैध सामान्य",
    involved: "संबंध सम्बन्ध शामिल जुड़ा लेना-देना",
    unreal: "यदि अगर",
    and: "और या तथा एवं",
    ..NONE
};

/// Malay.
pub(super) const MALAY: Words = Words {
    fillers: "yang dan di ke dari daripada pada untuk dengan ini itu ialah adalah telah kami anda tidak akan oleh juga sila hingga pukul tuan puan ia",
    we: "kami saya",
    ours: "kami saya",
    yours: "anda milik_anda tuan",
    others: "penyedia_lain rangkaian_lain pengendali_lain bukan_milik_anda",
    from: "dari daripada berasal_dari",
    by: "oleh",
    to: "terhadap ke kepada menuju",
    at: "di pada",
    except: "kecuali selain",
    hosts: "pelayan server host mesin ip alamat sistem komputer rangkaian pelanggan peranti laman perkhidmatan",
    deeds: "serang* menyerang diserang imbas* mengimbas brute* ddos* banjir* spam phish* cuba mencuba percubaan cubaan meneka godam* menggodam pencerobohan menceroboh penyalahgunaan",
    taken: "dijangkiti digodam",
    weak: "menghantar dihantar sambungan permintaan paket laluan trafik log",
    passive: "di",
    suffers: "mengalami menerima menjadi_sasaran menjadi_mangsa",
    sees: "mengesan dikesan mencatat dicatat melihat menyekat disekat direkod merekod melaporkan dilaporkan",
    not: "tidak bukan belum tanpa jangan",
    clean: "sah biasa normal",
    involved: "terlibat berkaitan kaitan",
    unreal: "jika sekiranya",
    and: "dan atau serta",
    ..NONE
};
