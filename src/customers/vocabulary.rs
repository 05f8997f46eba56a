//! What customer files call their columns, and what stands in them, in the languages of our neighbours. Data alone; all of it
//! [`fold`](super::words::fold)ed, words with umlauts also as those write them who have no umlauts.

use super::words::Role;

/// Headers. Rows are tried in order; one is used only while its role has no column, and a column has one role: the vague
/// words come last, so that `customer` beside `id` is a name and `address` beside `ip` a street.
#[rustfmt::skip]
pub(super) const HEADERS: &[(Role, &[&str])] = &[
    (Role::Id, &[
        "customerid", "customerno", "customernr", "customernumber", "custid", "custno", "clientid",
        "clientno", "clientnumber", "subscriberid", "subscriberno", "accountid", "accountno", "accountnumber",
        "agentcustid", "custnum", "customeroriginalid", "originalcustomerid", "kundennummer", "kundennr",
        "kundenid", "kundeid", "kdnr", "knr", "debitor", "debitorennummer", "debitorennr", "teilnehmernummer",
        "numeroclient", "nclient", "noclient", "numclient", "numerodeclient", "idclient", "codeclient",
        "referenceclient", "refclient", "numeroabonne", "idabonne", "numerodecliente", "ncliente",
        "numcliente", "idcliente", "codigocliente", "codigodecliente", "codcliente", "numeroabonado",
        "idabonado", "codicecliente", "numerocliente", "numerodicliente", "codiceutente", "numerodocliente",
        "codigodocliente", "iddocliente", "klantnummer", "klantnr", "klantid", "klantcode", "relatienummer",
        "debiteurnummer", "abonneenummer", "numerklienta", "nrklienta", "idklienta", "kodklienta",
        "numerabonenta", "nrabonenta", "idabonenta", "cislozakaznika", "idzakaznika", "kodzakaznika",
        "zakaznickecislo", "czakaznika", "cisloklienta", "uegyfelszam", "ugyfelszam", "uegyfelazonosito",
        "ugyfelazonosito", "uegyfelkod", "ugyfelkod", "vevokod", "uegyfelid", "ugyfelid",
        "elofizetoazonosito", "stevilkastranke", "sifrastranke", "idstranke", "stevilkanarocnika",
        "idnarocnika", "sifrakupca", "brojkupca", "idkupca", "brojkorisnika", "idkorisnika", "sifrakorisnika",
        "codclient", "numarclient", "nrclient", "codabonat", "idabonat", "kundnummer", "kundnr", "kundid",
        "kundenummer", "kundenr", "abonnentnummer", "asiakasnumero", "asiakastunnus", "asiakasid",
        "asiakasnro", "muesterino", "musterino", "muesterinumarasi", "musterinumarasi", "muesteriid",
        "musteriid", "muesterikodu", "musterikodu", "aboneno", "abonenumarasi", "aboneid", "kodikospelati",
        "arithmospelati", "nomerklienta", "litsevoischet", "nomerabonenta", "nomerkliienta", "kodkliienta",
        "osoboviirakhunok",
    ]),
    (Role::Id, &[
        "id", "nummer", "number", "nr", "no", "numero", "numer", "cislo", "szam", "azonosito", "stevilka",
        "sifra", "broj", "numar", "numara", "nomer", "uid", "sid", "crmid",
    ]),
    (Role::Id, &[
        "contractid", "contractno", "contractnumber", "vertragsnummer", "vertragsnr", "numerumowy",
        "cislosmlouvy", "cislozmluvy", "szerzodesszam", "brojugovora", "nrcontract", "avtalsnummer",
        "avtalenummer", "liittymaenumero", "liittymanumero", "nomerdogovora", "nomerdogovoru",
    ]),
    (Role::Id, &[
        "customer", "client", "subscriber", "account", "kunde", "cliente", "abonne", "abonado", "abbonato",
        "assinante", "klant", "abonnee", "klient", "abonent", "zakaznik", "uegyfel", "ugyfel", "elofizeto",
        "stranka", "narocnik", "kupac", "korisnik", "pretplatnik", "abonat", "kund", "abonnent", "asiakas",
        "muesteri", "musteri", "abone", "pelatis", "kliient",
    ]),
    (Role::Name, &[
        "name", "fullname", "displayname", "customername", "clientname", "accountname", "kundenname", "firma",
        "firmenname", "unternehmen", "company", "companyname", "organisation", "organization", "nom",
        "nomclient", "nomduclient", "nomcomplet", "raisonsociale", "societe", "entreprise", "nombre",
        "nombrecliente", "nombredelcliente", "nombrecompleto", "razonsocial", "empresa", "nomecliente",
        "ragionesociale", "azienda", "nome", "denominazione", "nomedocliente", "nomecompleto", "razaosocial",
        "naam", "klantnaam", "bedrijf", "bedrijfsnaam", "organisatie", "nazwa", "nazwaklienta", "nazwafirmy",
        "imieinazwisko", "jmeno", "jmenozakaznika", "nazev", "nazevfirmy", "meno", "menozakaznika", "nazov",
        "nazovfirmy", "nev", "uegyfelnev", "ugyfelnev", "uegyfelneve", "ugyfelneve", "cegnev", "ceg", "ime",
        "imestranke", "naziv", "nazivstranke", "podjetje", "imeiprezime", "imeinpriimek", "tvrtka",
        "nazivkupca", "imekupca", "nume", "numeclient", "denumire", "companie", "namn", "kundnamn",
        "foeretag", "foretag", "foeretagsnamn", "foretagsnamn", "navn", "kundenavn", "firmanavn", "bedrift",
        "virksomhed", "nimi", "asiakkaannimi", "asiakasnimi", "yritys", "adsoyad", "ad", "isim",
        "muesteriadi", "musteriadi", "firmaadi", "uenvan", "unvan", "onoma", "eponymia", "onomapelati",
        "imia", "nazvanie", "fio", "naimenovanie", "organizatsiia", "nazva", "pib",
    ]),
    (Role::Name, &[
        "customer", "client", "subscriber", "kunde", "cliente", "klant", "klient", "zakaznik", "uegyfel",
        "ugyfel", "stranka", "kupac", "kund", "asiakas", "muesteri", "musteri", "pelatis", "kliient",
        "abonent",
    ]),
    (Role::FirstName, &[
        "first", "firstname", "givenname", "vorname", "prenom", "nombredepila", "nomeproprio", "voornaam",
        "imie", "krestnijmeno", "krstnemeno", "keresztnev", "osebnoime", "prenume", "foernamn", "fornamn",
        "fornavn", "etunimi", "imiaklienta",
    ]),
    (Role::LastName, &[
        "last", "lastname", "surname", "familyname", "nachname", "familienname", "zuname", "nomdefamille",
        "apellido", "apellidos", "cognome", "sobrenome", "apelido", "achternaam", "nazwisko", "prijmeni",
        "priezvisko", "vezeteknev", "priimek", "prezime", "numedefamilie", "efternamn", "efternavn",
        "etternavn", "sukunimi", "soyad", "soyadi", "familiia", "prizvishche",
    ]),
    (Role::AbuseMail, &[
        "abusemail", "abuseemail", "abusecontact", "abusekontakt", "abusemailadresse", "abuseaddress",
        "abuseadresse", "securitymail", "securityemail", "securitycontact", "csirtmail", "abusemailbox",
    ]),
    (Role::TechMail, &[
        "technicalemail", "technicalmail", "techemail", "techmail", "technicalcontact",
        "technicalcontactemail", "techcontact", "nocemail", "nocmail", "emailtechnik", "technikemail",
        "technikmail", "technischeemail", "technischemailadresse", "technischerkontakt", "emailtechnique",
        "mailtechnique", "contacttechnique", "correotecnico", "emailtecnico", "emailtecnica",
        "technischemail", "technischcontact", "emailtechniczny", "technickyemail", "technickykontakt",
        "muszakiemail", "tehnicniemail", "tehnickiemail", "emailtehnic", "tekniskepost", "tekniskmail",
        "tekniskemail", "tekninensaehkoeposti", "tekninensahkoposti", "teknikeposta", "tekhnicheskiiemail",
    ]),
    (Role::BillingMail, &[
        "billingemail", "billingmail", "billingemailaddress", "invoiceemail", "invoicemail",
        "accountingemail", "rechnungsmail", "rechnungsemail", "emailrechnung", "rechnungemail",
        "buchhaltungemail", "emailfacturation", "mailfacturation", "emaildefacturation", "correofacturacion",
        "emailfacturacion", "emailfatturazione", "emailfaturacao", "emailfacturatie", "factuuremail",
        "emaildofaktur", "fakturacniemail", "fakturacnyemail", "szamlazasiemail", "emailzaracune",
        "emailzaracun", "emailfacturare", "fakturaepost", "fakturamail", "fakturaemail",
        "laskutussaehkoeposti", "laskutussahkoposti", "faturaeposta",
    ]),
    (Role::Mail, &[
        "email", "emails", "mail", "mails", "emailaddress", "emailaddresses", "mailaddress", "emailadresse",
        "emailadressen", "mailadresse", "mailadressen", "contactemail", "contactmail", "kontaktemail",
        "primaryemail", "customeremail", "clientemail", "invoicinglist", "courriel", "courriels",
        "adresseemail", "adressemail", "adressecourriel", "adresseelectronique", "correo", "correos",
        "correoelectronico", "direcciondecorreo", "direcciondeemail", "postaelettronica", "indirizzoemail",
        "indirizzomail", "correioeletronico", "enderecodeemail", "emailadres", "mailadres", "adresemail",
        "poczta", "emailadresa", "emailovaadresa", "emailcim", "eposta", "elektronskaposta", "enaslov",
        "elektronskinaslov", "adresaemail", "adresadeemail", "epost", "epostadress", "epostadresse",
        "saehkoeposti", "sahkoposti", "saehkoepostiosoite", "sahkopostiosoite", "epostaadresi",
        "ilektronikotachydromeio", "pochta", "elpochta", "elektronnaiapochta", "poshta", "elposhta",
        "elektronnaposhta",
    ]),
    (Role::Address, &[
        "cidr", "cidrs", "ip", "ips", "ipv4", "ipv6", "prefix", "prefixes", "ipprefix", "ipprefixes",
        "ipv4prefix", "ipv6prefix", "ipv4route", "ipv6route", "ipv6delegated", "delegatedprefix", "delegatedipv6prefix", "network", "networks",
        "ipnetwork", "ipnetworks", "subnet", "subnets", "ipsubnet", "ipaddress", "ipaddresses", "ipv4address",
        "ipv6address", "ipv4addresses", "ipv6addresses", "staticip", "staticips", "staticipaddress",
        "publicip", "publicips", "publicipv4", "publicipv6", "dedicatedip", "dedicatedips", "assignedip",
        "assignedips", "customerip", "iprange", "ipranges", "ipblock", "addressblock", "routednetworks",
        "ipadresse", "ipadressen", "ipv4adresse", "ipv6adresse", "ipv4adressen", "ipv6adressen", "ipbereich",
        "ipbereiche", "praefix", "prafix", "praefixe", "prafixe", "netz", "netze", "ipnetz", "ipnetze",
        "netzwerk", "netzwerke", "subnetz", "subnetze", "festeip", "fixeip", "oeffentlicheip",
        "offentlicheip", "statischeip", "adresseip", "adressesip", "adresseipv4", "adresseipv6", "ipfixe",
        "ippublique", "reseau", "reseaux", "sousreseau", "sousreseaux", "prefixe", "plageip", "plagesip",
        "direccionip", "direccionesip", "direccionipv4", "direccionipv6", "ipfija", "ippublica", "red",
        "redes", "subred", "subredes", "prefijo", "prefijos", "rangoip", "indirizzoip", "indirizziip",
        "ipstatico", "ippubblico", "rete", "reti", "sottorete", "sottoreti", "prefisso", "prefissi",
        "enderecoip", "enderecosip", "ipfixo", "ippublico", "rede", "subrede", "prefixo", "prefixos",
        "faixaip", "ipadres", "vastip", "vastipadres", "netwerk", "netwerken", "ipreeks", "adresip",
        "adresyip", "siec", "sieci", "podsiec", "podsieci", "prefiks", "prefiksy", "staleip", "ipadresa",
        "ipadresy", "adresaip", "sit", "site", "podsit", "podsite", "rozsahip", "verejnaip", "pevnaip",
        "siet", "siete", "podsiet", "podsiete", "ipcim", "ipcimek", "halozat", "halozatok", "alhalozat",
        "alhalozatok", "fixip", "publikusip", "ipnaslov", "ipnaslovi", "omrezje", "omrezja", "podomrezje",
        "predpona", "ipadrese", "mreza", "mreze", "podmreza", "adreseip", "retea", "retele", "subretea",
        "ipfix", "ippublic", "ipadress", "ipadresser", "naetverk", "natverk", "naet", "nat", "subnaet",
        "subnat", "netvaerk", "nettverk", "subnett", "undernett", "iposoite", "iposoitteet", "verkko",
        "verkot", "aliverkko", "ipadresi", "ipadresleri", "ag", "altag", "sabitip", "dieythynsiip", "diktyo",
        "set", "podset", "merezha", "pidmerezha",
    ]),
    (Role::Address, &[
        "address", "addresses", "adresse", "adressen", "adresses", "direccion", "indirizzo", "endereco",
        "adres", "adresa", "cim", "naslov", "adress", "osoite", "dieythynsi",
    ]),
    (Role::Language, &[
        "language", "lang", "locale", "sprache", "kundensprache", "langue", "idioma", "lengua", "lingua",
        "taal", "jezyk", "jazyk", "nyelv", "jezik", "limba", "sprak", "sprog", "kieli", "dil", "glossa",
        "iazyk", "mova", "correspondencelanguage", "korrespondenzsprache",
    ]),
    (Role::Country, &[
        "country", "countrycode", "land", "laender", "lander", "laendercode", "landercode",
        "landeskennzeichen", "pays", "codepays", "pais", "paese", "nazione", "kraj", "zeme", "stat",
        "krajina", "orszag", "drzava", "tara", "maa", "uelke", "ulke", "chora", "strana", "kraina",
    ]),
    (Role::From, &[
        "validfrom", "validsince", "gueltigab", "gultigab", "gueltigvon", "gultigvon", "vertragsbeginn",
        "von", "ab", "from", "start", "startdate", "activefrom", "beginn", "valabledu", "datedebut",
        "datededebut", "debut", "validodesde", "fechainicio", "fechadeinicio", "fechaalta", "desde", "inicio",
        "validodal", "datainizio", "dal", "datadeinicio", "geldigvanaf", "begindatum", "startdatum", "vanaf",
        "wazneod", "waznyod", "od", "datapoczatku", "dataod", "platnostod", "platneod", "platiod",
        "ervenyesettol", "kezdete", "kezdet", "ervenyessegkezdete", "veljaod", "vrijediod", "valabildela",
        "datainceput", "datainicio", "dela", "giltigfran", "fran", "gyldigfra", "fra", "startdato", "voimassaalkaen",
        "alkaen", "alkupvm", "baslangic", "baslangictarihi", "gecerlilikbaslangici", "apo", "ischyeiapo",
        "deistvuets", "datanachala", "datapochatku",
    ]),
    (Role::Until, &[
        "validto", "validuntil", "gueltigbis", "gultigbis", "vertragsende", "kuendigungzum", "kundigungzum",
        "gekuendigtzum", "gekundigtzum", "bis", "to", "until", "end", "enddate", "activeuntil", "expires",
        "expiry", "expirydate", "expirationdate", "terminationdate", "ende", "valableau", "valablejusquau",
        "datefin", "datedefin", "fin", "validohasta", "fechafin", "fechadefin", "fechabaja", "hasta",
        "validoal", "validofinoal", "datafine", "fine", "scadenza", "datadefim", "datafim", "validoate", "ate", "fim",
        "geldigtot", "einddatum", "tot", "waznedo", "waznydo", "do", "datakonca", "datado", "platnostdo",
        "platnedo", "platido", "ervenyeseddig", "vege", "lejarat", "ervenyessegvege", "veljado", "vrijedido",
        "valabilpanala", "valabilpana", "datasfarsit", "panala", "giltigtill", "till", "slutdatum",
        "gyldigtil", "til", "slutdato", "sluttdato", "voimassaasti", "paeaettyy", "paattyy", "loppupvm",
        "bitis", "bitistarihi", "eos", "ischyeieos", "deistvuetdo", "dataokonchaniia", "datazavershennia",
    ]),
    (Role::Status, &[
        "status", "state", "zustand", "kundenstatus", "customerstatus", "accountstatus", "servicestatus",
        "contractstatus", "vertragsstatus", "statut", "etat", "estado", "stato", "situacao", "stan", "stav",
        "allapot", "statusz", "stanje", "stare", "starea", "tila", "durum", "katastasi", "sostoianie", "domainstatus",
        "active", "isactive", "enabled", "aktiv", "actif", "activo", "activa", "attivo", "ativo", "actief",
        "aktywny", "aktywna", "aktywne", "aktivni", "aktivny", "aktiven", "aktivna", "aktivan", "activ",
        "aktiivinen", "aktif", "energos", "aktivnyi", "aktivnii",
    ]),
    (Role::Class, &[
        "mailclass", "mailtype", "emailtype", "contacttype", "contactrole", "contactclass", "mailart",
        "kontaktart", "kontakttyp", "kontaktrolle", "typedecontact", "tipocontacto", "tipodecontacto",
        "tipocontatto", "tipodicontatto", "tipodecontato", "typkontaktu", "kapcsolattipusa", "vrstakontakta",
        "tipkontakta", "tipcontact", "kontakttype", "yhteystyyppi", "kontakttipi",
    ]),
    (Role::NoMail, &[
        "nomail", "noemail", "nomails", "donotmail", "donotemail", "mailoptout", "optout", "unsubscribed",
        "nonotification", "nonotifications", "keinemail", "keineemail", "keinemails", "nichtmailen",
        "mailsperre", "mailgesperrt", "pasdemail", "pasdecourriel", "noenviar", "noenviarcorreo",
        "noninviare", "naoenviar", "geenmail", "geenemail", "niewysylac", "neposilat", "neposielat",
        "nekueldjoen", "nekuldjon", "neposiljaj", "nesalji", "nutrimite", "ejmail", "ingenmail", "ingenepost",
        "eisaehkoepostia", "eisahkopostia", "blocked", "isblocked", "locked", "suspended", "cancelled", "canceled",
        "terminated", "disabled", "inactive", "gesperrt", "gekuendigt", "gekundigt", "stillgelegt", "deaktiviert",
        "inaktiv", "bloque", "resilie", "suspendu", "bloqueado", "suspendido", "cancelado", "bloccato", "sospeso",
        "disdetto", "geblokkeerd", "opgezegd", "zablokowany", "zablokowana", "zawieszony", "blokovany", "zruseny",
        "spaerrad", "sparrad", "sperret", "engelli", "iptal", "zablokirovan", "otkliuchen",
    ]),
    (Role::Copy, &[
        "copy", "copyto", "cc", "extracopy", "mailcopy", "emailcopy", "ccmail", "ccemail", "carboncopy",
        "kopie", "kopiean", "mailkopie", "copie", "copiea", "copia", "copiaa", "kopieaan", "kopia", "kopiado",
        "masolat", "kopija", "kopijaza", "kopi", "kopio",
    ]),
    (Role::Plain, &[
        "plaintext", "textonly", "plain", "plaintextonly", "nohtml", "nurtext", "textmail", "nurtextmail",
        "reinertext", "keinhtml", "texteseul", "textebrut", "solotexto", "solotesto", "sotexto",
        "alleentekst", "tylkotekst", "jentext", "lentext", "csakszoeveg", "csakszoveg", "samobesedilo",
        "samotekst", "doartext", "endasttext", "kuntekst", "vainteksti",
    ]),
    (Role::Login, &[
        "login", "logins", "username", "user", "userid", "loginname", "portallogin", "servicelogin", "pppoe",
        "pppoelogin", "pppoeuser", "pppoeusername", "pppuser", "ppplogin", "radius", "radiuslogin",
        "radiususer", "radiususername", "subscriberlogin", "mac", "macs", "macaddress", "macaddresses",
        "hwaddress", "hardwareaddress", "circuitid", "agentcircuitid", "remoteid", "agentremoteid",
        "option82", "callingstationid", "benutzer", "benutzername", "benutzerkennung", "anmeldename",
        "zugangskennung", "kennung", "macadresse", "macadressen", "identifiant", "identifiantpppoe",
        "utilisateur", "nomutilisateur", "nomdutilisateur", "adressemac", "usuario", "usuariopppoe",
        "nombreusuario", "nombredeusuario", "direccionmac", "utente", "nomeutente", "indirizzomac",
        "utilizador", "nomedeutilizador", "nomedeusuario", "enderecomac", "gebruiker", "gebruikersnaam",
        "macadres", "uzytkownik", "nazwauzytkownika", "adresmac", "uzivatel", "uzivatelskejmeno", "macadresa",
        "pouzivatel", "pouzivatelskemeno", "felhasznalo", "felhasznalonev", "maccim", "uporabnik",
        "uporabniskoime", "macnaslov", "korisnickoime", "utilizator", "numeutilizator", "adresamac",
        "anvaendare", "anvandare", "anvaendarnamn", "anvandarnamn", "macadress", "bruger", "brugernavn",
        "bruker", "brukernavn", "kaeyttaejae", "kayttaja", "kaeyttaejaetunnus", "kayttajatunnus", "macosoite",
        "kullanici", "kullaniciadi", "macadresi", "onomachristi", "polzovatel", "imiapolzovatelia",
        "koristuvach",
    ]),
];

/// A status with which a customer is mailed.
#[rustfmt::skip]
pub(super) const MAILED: &[&str] = &[
    "active", "activated", "aktiv", "ok", "enabled", "new", "neu", "online", "aktuell", "current", "valid",
    "open", "live", "inservice", "running", "leadwon", "actif", "activo", "activa", "attivo", "attiva",
    "ativo", "ativa", "actief", "aktywny", "aktywna", "aktywne", "aktivni", "aktivny", "aktivne", "aktiven",
    "aktivna", "aktivno", "aktivan", "activ", "aktiivinen", "voimassa", "aktif", "energos", "aktivnyi",
    "aktivnii", "nouveau", "nuevo", "nuovo", "novo", "nieuw", "nowy", "novy", "uj", "nov", "nou", "ny",
    "uusi", "yeni", "enservice", "gueltig", "gultig", "vigente", "valide", "yes", "ja", "true", "1", "oui",
    "si", "sim", "tak", "ano", "igen", "da", "kyllae", "kylla", "evet",
];

/// One with which he is not.
#[rustfmt::skip]
pub(super) const NOT_MAILED: &[&str] = &[
    "expired", "suspended", "cancelled", "canceled", "blocked", "inactive", "terminated", "closed",
    "disabled", "deleted", "ended", "fraud", "locked", "paused", "pending", "completed", "offline",
    "archived", "disconnected", "deactivated", "onhold", "hold", "stopped", "past", "former", "ex", "lead",
    "prospect", "quoted", "voluntarilysuspended", "suspendedbyadmin", "uncancelledpending", "abgelaufen",
    "ausgesetzt", "storniert", "gesperrt", "inaktiv", "nichtaktiv", "gekuendigt", "gekundigt", "beendet",
    "geschlossen", "deaktiviert", "geloescht", "geloscht", "pausiert", "stillgelegt", "ehemalig",
    "archiviert", "abgemeldet", "ausstehend", "inactif", "suspendu", "resilie", "annule", "bloque", "ferme",
    "expire", "termine", "desactive", "supprime", "enattente", "inactivo", "suspendido", "cancelado",
    "bloqueado", "cerrado", "expirado", "vencido", "terminado", "baja", "debaja", "desactivado", "eliminado",
    "pendiente", "inattivo", "sospeso", "annullato", "bloccato", "chiuso", "scaduto", "cessato", "terminato",
    "disattivato", "eliminato", "disdetto", "inattesa", "inativo", "suspenso", "encerrado", "fechado",
    "rescindido", "desativado", "pendente", "inactief", "opgeschort", "geannuleerd", "geblokkeerd",
    "gesloten", "verlopen", "beeindigd", "opgezegd", "uitgeschakeld", "verwijderd", "nieaktywny",
    "nieaktywna", "zawieszony", "zawieszona", "anulowany", "zablokowany", "zablokowana", "zamkniety",
    "wygasly", "wygasla", "rozwiazany", "rozwiazana", "wypowiedziany", "usuniety", "odlaczony", "neaktivni",
    "pozastaveny", "pozastaveno", "zruseny", "zruseno", "blokovany", "blokovano", "uzavreny", "ukonceny",
    "ukonceno", "vyprsel", "odpojeny", "smazany", "neaktivny", "pozastavene", "zrusene", "zablokovany",
    "ukoncene", "uzavrety", "vyprsal", "felfueggesztett", "felfuggesztett", "felfueggesztve", "felfuggesztve",
    "toeroelt", "torolt", "toeroelve", "torolve", "letiltott", "letiltva", "megszunt", "lezart", "lejart",
    "felmondott", "neaktiven", "neaktivna", "prekinjen", "prekinjeno", "zaprt", "blokiran", "blokirano",
    "potekel", "odpovedan", "odklopljen", "izbrisan", "neaktivan", "neaktivno", "obustavljen", "suspendiran",
    "otkazan", "zatvoren", "istekao", "iskljucen", "raskinut", "obrisan", "inactiv", "inactiva", "suspendat",
    "anulat", "blocat", "inchis", "expirat", "reziliat", "dezactivat", "sters", "avslutad", "uppsagd",
    "spaerrad", "sparrad", "blockerad", "pausad", "staengd", "stangd", "utgangen", "borttagen", "makulerad",
    "inaktivt", "opsagt", "spaerret", "lukket", "udlobet", "afsluttet", "slettet", "ophort", "annulleret",
    "oppsagt", "sperret", "stengt", "utlopt", "avsluttet", "kansellert", "passiivinen", "irtisanottu",
    "suljettu", "paeaettynyt", "paattynyt", "keskeytetty", "poistettu", "estetty", "lukittu", "pasif",
    "askida", "iptal", "iptaledildi", "kapali", "kapatildi", "engelli", "sueresidoldu", "suresidoldu",
    "feshedildi", "donduruldu", "silindi", "anenergos", "akyromenos", "neaktivnyi", "zablokirovan",
    "otkliuchen", "priostanovlen", "rastorgnut", "zakryt", "neaktivnii", "zablokovano", "vidkliucheno",
    "prizupineno", "no", "nein", "false", "0", "non", "nao", "nee", "nie", "ne", "nem", "nu", "nej", "nei",
    "ei", "hayir",
];

/// What asks for no mail at all, in a cell of mail addresses or of the status.
#[rustfmt::skip]
pub(super) const NO_MAIL: &[&str] = &[
    "nomail", "noemail", "donotmail", "donotemail", "keinemail", "keineemail", "keinemails", "nichtmailen",
    "pasdemail", "sincorreo", "noenviar", "geenmail", "niewysylac", "neposilat", "ingenmail", "eipostia",
];

/// What stands for "there is none": alone, or before the `@`.
#[rustfmt::skip]
pub(super) const PLACEHOLDERS: &[&str] = &[
    "post", "none", "na", "null", "nil", "no", "kein", "keine", "keiner", "ohne", "nomail", "noemail",
    "unknown", "unbekannt", "aucun", "ninguno", "nessuno", "nenhum", "geen", "brak", "zadny", "ziadny",
    "nincs", "brez", "nema", "fara", "ingen", "inget", "eiole", "yok", "net", "empty", "leer", "tbd", "todo",
];

/// Of those the words and initials that are mailboxes of somebody, too: `post@` is that of half of Norway.
#[rustfmt::skip]
pub(super) const MAILBOXES: &[&str] = &["post", "net", "na", "nil", "no", "fara", "nema", "ohne", "todo"];

/// Headers of netmasks and of lengths of prefixes.
#[rustfmt::skip]
pub(super) const MASKS: &[&str] = &[
    "mask", "netmask", "subnetmask", "ipmask", "masklength", "masklen", "maskbits", "prefixlength", "prefixlen",
    "cidrlength", "netmaske", "netzmaske", "subnetzmaske", "subnetmaske", "maske", "praefixlaenge", "prafixlange",
    "masque", "masquereseau", "masquedesousreseau", "longueurprefixe", "mascara", "mascaradesubred", "mascaradered",
    "mascaraderede", "maschera", "mascheradisottorete", "subnetmasker", "netmasker", "maska", "maskapodsieci",
    "maskasieci", "maskasite", "maskapodsite", "halozatimaszk", "maskaomrezja", "maskamreze", "mascaretea",
    "naetmask", "natmask", "nettmaske", "agmaskesi", "altagmaskesi", "maskaseti", "maskapodseti",
];

/// A switch that is on, as a mark.
pub(super) const MARKS: &[&str] = &["\u{2713}", "\u{2714}", "\u{2611}", "\u{221a}", "+"];

/// A switch that is on.
#[rustfmt::skip]
pub(super) const YES: &[&str] = &[
    "yes", "y", "true", "1", "x", "on", "ja", "j", "wahr", "oui", "o", "vrai", "si", "s", "verdadero", "vero",
    "sim", "verdadeiro", "waar", "tak", "t", "prawda", "ano", "a", "pravda", "igen", "i", "igaz", "da", "d",
    "istina", "adevarat", "sant", "sand", "sann", "kyllae", "kylla", "k", "evet", "e", "nai",
];

/// A switch that is off.
#[rustfmt::skip]
pub(super) const NO: &[&str] = &[
    "no", "n", "false", "0", "off", "nein", "falsch", "non", "faux", "nao", "falso", "nee", "onwaar", "nie",
    "ne", "nem", "hamis", "nu", "nej", "nei", "ei", "hayir", "ochi", "net", "ni", "f",
];

/// With these begins a line below the customers that counts or sums.
#[rustfmt::skip]
pub(super) const TOTALS: &[&str] = &[
    "total", "totals", "grandtotal", "subtotal", "sum", "count", "numberofcustomers", "numberofrecords",
    "summe", "summen", "gesamt", "gesamtsumme", "zwischensumme", "anzahl", "insgesamt", "anzahlkunden",
    "somme", "totalgeneral", "nombredeclients", "suma", "totale", "totali", "totalegenerale", "totais",
    "soma", "totaal", "som", "aantal", "razem", "ogolem", "lacznie", "celkem", "soucet", "spolu", "sucet",
    "oesszesen", "osszesen", "oesszeg", "osszeg", "skupaj", "vsota", "ukupno", "zbroj", "totalsumma", "summa",
    "antal", "ialt", "sammenlagt", "totalt", "yhteensae", "yhteensa", "toplam", "geneltoplam", "synolo",
    "itogo", "vsego", "razom", "usogo", "page", "seite", "endofreport", "endoffile", "endederliste",
    "records", "rows",
];

/// What a mail address is for: abuse before technical before general before billing.
#[rustfmt::skip]
pub(super) const CLASSES: &[(u8, &[&str])] = &[
    (3, &[
        "abuse", "security", "csirt", "cert", "sicherheit", "securite", "seguridad", "sicurezza", "seguranca",
        "beveiliging", "bezpieczenstwo", "bezpecnost", "abusecontact", "abusekontakt",
    ]),
    (2, &[
        "tech", "technical", "technic", "technik", "technisch", "technische", "technischer", "technique",
        "tecnico", "techniczny", "technicky", "muszaki", "tehnicni", "tehnicki", "tehnic", "teknisk",
        "tekninen", "teknik", "noc", "network", "netzwerk", "it", "admin", "administrator",
        "administrationtechnique", "technicalcontact", "technischerkontakt",
    ]),
    (1, &[
        "general", "main", "primary", "default", "allgemein", "haupt", "hauptkontakt", "standard",
        "principal", "generale", "geral", "algemeen", "glowny", "hlavni", "contact", "kontakt", "customer",
        "owner", "inhaber", "kunde", "personal", "work", "office", "home", "other",
    ]),
    (0, &[
        "billing", "invoice", "invoices", "accounting", "finance", "rechnung", "rechnungen", "buchhaltung",
        "facturation", "facturacion", "fatturazione", "faturacao", "facturatie", "boekhouding", "faktury",
        "fakturace", "fakturacia", "szamlazas", "racuni", "racun", "facturare", "faktura", "fakturering",
        "laskutus", "fatura", "sales", "marketing", "vertrieb", "legal", "order", "orders",
    ]),
];

/// Tag, names of the language, and countries where nearly all read it. A country of several languages is in none.
#[rustfmt::skip]
pub(super) const LANGUAGES: &[(&str, &[&str], &[&str])] = &[
    ("bg", &["bul", "bulgarian", "bulgarisch", "blgarski"], &["bulgaria", "bulgarien", "blgariia"]),
    ("cs", &["cze", "ces", "czech", "cestina", "cesky", "tschechisch", "tcheque"], &["cz", "czechia", "czechrepublic", "tschechien", "tschechischerepublik", "cesko", "ceskarepublika"]),
    ("da", &["dan", "danish", "dansk", "daenisch", "danisch"], &["dk", "denmark", "daenemark", "danemark", "danmark"]),
    ("de", &["deu", "ger", "german", "deutsch", "allemand", "tedesco", "aleman"], &["at", "austria", "oesterreich", "osterreich", "germany", "deutschland", "allemagne", "autriche", "liechtenstein", "li", "aut"]),
    ("el", &["ell", "gre", "greek", "griechisch", "ellinika"], &["gr", "greece", "griechenland", "ellada"]),
    ("en", &["eng", "english", "englisch", "anglais", "ingles", "inglese"], &["gb", "us", "ie", "au", "unitedkingdom", "greatbritain", "usa", "unitedstates", "ireland", "england", "grossbritannien", "irland", "australia"]),
    ("es", &["spa", "spanish", "spanisch", "espanol", "castellano", "espagnol"], &["spain", "spanien", "espana", "mexico", "mx", "argentina", "esp"]),
    ("et", &["est", "estonian", "estnisch", "eesti"], &["ee", "estonia", "estland"]),
    ("fi", &["fin", "finnish", "finnisch", "suomi"], &["finland", "finnland"]),
    ("fr", &["fra", "fre", "french", "franzoesisch", "franzosisch", "francais", "francese"], &["france", "frankreich", "francia"]),
    ("hr", &["hrv", "croatian", "kroatisch", "hrvatski"], &["croatia", "kroatien", "hrvatska"]),
    ("hu", &["hun", "hungarian", "ungarisch", "magyar"], &["hungary", "ungarn", "magyarorszag"]),
    ("it", &["ita", "italian", "italienisch", "italiano", "italien"], &["italy", "italia"]),
    ("lt", &["lit", "lithuanian", "litauisch", "lietuviu"], &["lithuania", "litauen", "lietuva"]),
    ("lv", &["lav", "latvian", "lettisch", "latviesu"], &["latvia", "lettland", "latvija"]),
    ("nb", &["nob", "nor", "norwegian", "norwegisch", "norsk", "bokmal", "no"], &["norway", "norwegen", "norge"]),
    ("nl", &["nld", "dut", "dutch", "niederlaendisch", "niederlandisch", "nederlands", "hollaendisch", "hollandisch"], &["netherlands", "niederlande", "nederland", "holland"]),
    ("pl", &["pol", "polish", "polnisch", "polski"], &["poland", "polen", "polska"]),
    ("pt", &["por", "portuguese", "portugiesisch", "portugues"], &["portugal", "brazil", "brasil", "brasilien"]),
    ("ro", &["ron", "rum", "romanian", "rumaenisch", "rumanisch", "romana"], &["romania", "rumaenien", "rumanien"]),
    ("ru", &["rus", "russian", "russisch", "russkii"], &["russia", "russland", "rossiia"]),
    ("sk", &["slk", "slo", "slovak", "slowakisch", "slovencina", "slovensky"], &["slovakia", "slowakei", "slovensko"]),
    ("sl", &["slv", "slovenian", "slovene", "slowenisch", "slovenscina"], &["si", "slovenia", "slowenien", "slovenija"]),
    ("sr", &["srp", "serbian", "serbisch", "srpski"], &["rs", "serbia", "serbien", "srbija"]),
    ("sv", &["swe", "swedish", "schwedisch", "svenska"], &["se", "sweden", "schweden", "sverige"]),
    ("tr", &["tur", "turkish", "tuerkisch", "turkisch", "tuerkce", "turkce"], &["turkey", "tuerkei", "turkei", "tuerkiye", "turkiye"]),
    ("uk", &["ukr", "ukrainian", "ukrainisch", "ukrainska"], &["ua", "ukraine", "ukraina"]),
];
