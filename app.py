"""The Yinju app: ask the articles in a browser, see where the answer stands, look after the collection.

python app.py --port 7860
"""

from rag.app import main

if __name__ == "__main__":
    main()
