"""Words that names, addresses and companies are made of. All of it is made up."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words("""
Aaliyah Abigail Adam Aiden Aisha Alex Alice Amelia Amir Amy Andrew Angus Anh Anna Anthony Archie Ari Asha
Ashley Ava Bao Bella Ben Bianca Billie Blake Bronwyn Caleb Callum Cameron Carlos Catherine Charlotte Chen
Chloe Christos Claire Connor Daniel Daria David Dean Deepa Dimitri Dylan Ebony Elena Eli Elise Ella Emily
Emma Ethan Eva Fatima Felix Finn Fiona Francesca Gabriel Gareth Gemma George Georgia Giulia Grace Grant
Greta Hamish Hana Hannah Harper Harry Hassan Heidi Henry Holly Hugo Ian Imogen Indira Isaac Isla Ivan Ivy
Jack Jacinta Jacob Jai James Jasmine Jayden Jenna Jessica Jordan Joseph Joshua Julia Kai Karen Kate Kavya
Keith Kiara Kirra Kylie Lachlan Lara Laura Leah Leila Leo Liam Lily Linh Lucas Lucy Luke Mabel Maddison
Maria Marco Marcus Mary Mason Matilda Matthew Maya Megan Mei Mia Michael Mila Mohammed Molly Nadia Naomi
Natalie Nathan Neha Niamh Nicholas Nikau Noah Nora Oliver Olivia Omar Oscar Owen Patrick Paul Penelope Peter
Phoebe Phuong Pia Piper Poppy Priya Quentin Quinn Rachel Rafael Raj Rebecca Rhys Riley Robert Rohan Rosa
Rose Ruby Ryan Sabrina Sam Samantha Sarah Scarlett Sean Sebastian Shane Sienna Simon Sofia Sophie Stella
Stephen Sunita Talia Tara Tessa Thanh Theo Thomas Tiana Timothy Toby Tony Tyson Uma Valerie Vanessa Victor
Vikram Violet Wei Wendy William Willow Xavier Yasmin Yusuf Zac Zara Zoe
""")

LAST_NAMES = _words("""
Abbott Adams Ahmed Allen Anderson Armstrong Bailey Baker Barnes Bell Bennett Bianchi Black Boyd Brennan
Brooks Brown Burke Burns Butler Byrne Cameron Campbell Carter Chan Chapman Chen Clark Clarke Cole Collins
Cook Cooper Costa Cox Crawford Cruz Cunningham Davies Davis Dawson Dixon Doyle Duncan Edwards Elliott Ellis
Evans Farrell Ferguson Fisher Fitzgerald Fleming Ford Foster Fraser Gallagher Garcia Gibson Gill Gordon
Graham Grant Gray Green Griffin Gupta Hall Hamilton Hansen Harris Harrison Hart Harvey Hayes Henderson Hill
Ho Holmes Howard Hudson Hughes Hunt Hunter Huynh Jackson Jacobs James Jenkins Jensen Johnson Johnston Jones
Jordan Joshi Kaur Kelly Kennedy Khan Kim King Knight Kumar Lam Lawrence Le Lee Lewis Li Lim Lin Lloyd Long
Lopez Lynch Macdonald Mackenzie Marino Marshall Martin Mason Matthews McCarthy McDonald McKay Mehta Miller
Mills Mitchell Moore Morgan Morris Morrison Murphy Murray Nelson Newman Ng Nguyen Nicholson O'Brien O'Connor
Olsen Owens Palmer Papadopoulos Park Parker Patel Payne Pearce Perry Peters Pham Phillips Porter Powell
Price Quinn Reid Reynolds Richards Richardson Riley Roberts Robinson Rogers Rose Ross Rossi Russell Ryan
Saunders Schmidt Scott Shah Sharma Shaw Simpson Singh Smith Spencer Stephens Stevens Stewart Stone Sullivan
Sutton Tan Taylor Thomas Thompson Thomson Tran Tucker Turner Vella Vu Walker Wallace Walsh Wang Ward Warren
Watson Webb Wells West White Williams Williamson Wilson Wong Wood Woods Wright Wu Yang Young Zhang
""")

STREETS = _words("""
Acacia Albert Banksia Beach Boronia Bridge Cambridge Campbell Castle Cedar Charles Church Clarence Correa
Cypress Edward Elizabeth Fern Forest Garden George Gordon Grevillea Hakea Harbour High Highland Hill James
Jacaranda Kent King Kurrajong Lake Lavender Macquarie Main Mill Myrtle Oxford Park Patterson Pine Queen
Railway Ridge River Rosella Station Sturt Tallowood Valley Victoria Waratah Wattle William Windsor York
""")
STREET_KINDS = ("Street", "Street", "Road", "Avenue", "Lane", "Crescent", "Drive", "Court", "Parade")

EMPLOYERS = _words("""
Acorn Beacon Bluewater Brightside Cobalt Coolabah Copperfield Dawn Eastern Ember Fairway Federation Galah
Golden Greenfield Harbourside Highlands Horizon Ironbark Jarrah Kestrel Kingfisher Lighthouse Lorikeet
Mallee Meridian Mulga Northern Oakridge Outback Pacific Paperbark Pelican Quartz Redgum Riverbend Saltbush
Sandstone Sapphire Silverwattle Snowgum Southern Spinifex Stonefly Summit Tasman Telopea Tidewater Wandoo
Whitehaven
""")
# What a company does, and the job of a person there.
TRADES = (
    ("Building", "Carpenter"),
    ("Plumbing", "Plumber"),
    ("Electrical", "Electrician"),
    ("Logistics", "Driver"),
    ("Health", "Nurse"),
    ("Dental", "Dental assistant"),
    ("Education", "Teacher"),
    ("Foods", "Production supervisor"),
    ("Hospitality", "Chef"),
    ("Retail", "Store manager"),
    ("Engineering", "Engineer"),
    ("Software", "Software developer"),
    ("Accounting", "Accountant"),
    ("Mining Services", "Plant operator"),
    ("Farming", "Farm manager"),
    ("Landscaping", "Landscaper"),
    ("Media", "Designer"),
    ("Property", "Property manager"),
)
VEHICLES = (
    "Toyota HiLux", "Ford Ranger", "Isuzu D-Max", "Mazda BT-50", "Toyota HiAce", "Hyundai Tucson",
    "Kia Sportage", "Mitsubishi Triton", "Isuzu NPR truck", "Kubota excavator", "John Deere tractor",
)  # fmt: skip
LENDERS = ("Harbour Bank", "Southern Cross Credit", "Wattle Mutual", "Outback Finance", "Eureka Bank")
REFERRALS = ("Web search", "Friend or family", "Accountant", "Former client", "Social media", "Walk-in")
