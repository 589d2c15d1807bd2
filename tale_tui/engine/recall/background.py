"""Texts that have nothing to do with each other, nor with what anybody remembers.

Models of embeddings differ in what a cosine of theirs means: one puts all texts between 0.7 and 0.9. What these texts
have in common is what all texts have, and how near they are to each other otherwise is one measure for all models.
"""

from __future__ import annotations

UNRELATED = (
    "The committee published its report after a long debate.",
    "A light wind from the west is expected in the afternoon.",
    "The museum opened a new wing for sculptures of the eighteenth century.",
    "He closed the window and went back to sleep.",
    "The orchestra played the symphony without a break.",
    "Most mammals have seven bones in their neck.",
    "The company reported higher profits in the third quarter.",
    "She has lived by the sea for a very long time.",
    "Our neighbours sold their old boat last spring.",
    "I usually read a few pages before I go to bed.",
    "The train was late because of a signal failure.",
    "This method returns a list of all matching entries.",
    "The bridge was built of stone more than a thousand years ago.",
    "We agreed to meet again next week.",
    "My friend prefers tea to lemonade.",
    "The recipe needs flour, butter and a little salt.",
    "The server was restarted after the update.",
    "The players shook hands at the end of the match.",
    "Das Wetter war im letzten Jahr ungewöhnlich trocken.",
    "Der Zug hält an jedem kleinen Bahnhof.",
    "Le jardin est ouvert tous les jours sauf le mardi.",
    "Mon oncle répare de vieilles horloges.",
    "La biblioteca cierra a las ocho de la tarde.",
    "El río nace en las montañas del norte.",
    "Il mercato si tiene ogni giovedì in piazza.",
    "这座城市有很多古老的建筑。",
    "他每天早上去公园散步。",
    "Цены на хлеб выросли в прошлом году.",
)
